DROP TABLE feature_tags;
DROP TABLE feature_dependencies;
DROP TABLE feature_strategy_segments;
DROP TABLE feature_strategies;
DROP TABLE segments;
DROP TABLE feature_last_seen;
DROP TABLE feature_environments;
DROP TABLE features;
