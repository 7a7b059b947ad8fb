ALTER TABLE client_applications
    DROP COLUMN description,
    DROP COLUMN url,
    DROP COLUMN color,
    DROP COLUMN icon;
DROP TABLE unknown_flags;
DROP TABLE application_features;
