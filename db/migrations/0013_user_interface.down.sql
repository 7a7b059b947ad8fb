ALTER TABLE projects DROP COLUMN link_templates;
DROP TABLE user_splashes;
DROP TABLE user_feedback;
DROP TABLE banners;
