-- What the nodes of an instance seal with what clients bring back (tickets of streams): 244 random bits, made once. Whoever
-- changes it makes all tickets worthless, and nothing else.
ALTER TABLE instance
    ADD COLUMN secret bytea NOT NULL DEFAULT decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');

ALTER TABLE instance
    ADD CONSTRAINT instance_secret_size CHECK (octet_length(secret) >= 32);
