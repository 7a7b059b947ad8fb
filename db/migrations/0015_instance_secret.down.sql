ALTER TABLE instance
    DROP COLUMN secret;
