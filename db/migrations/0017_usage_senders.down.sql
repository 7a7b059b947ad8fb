DROP TABLE usage_senders;
