DROP INDEX features_archived_idx;
DROP INDEX features_created_by_idx;
DROP INDEX features_created_at_idx;
DROP INDEX features_type_idx;
DROP TABLE feature_lifecycles;
DROP TABLE project_favorites;
DROP TABLE feature_favorites;
DROP TABLE feature_links;
