DROP FUNCTION change_log_resync();
DROP FUNCTION change_log_append(text, text, text, text);
DROP TABLE change_log;
DROP SEQUENCE change_revision;
