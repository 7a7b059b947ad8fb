DROP TABLE events;
DROP TABLE api_token_last_seen;
DROP TABLE api_token_projects;
DROP TABLE api_tokens;
