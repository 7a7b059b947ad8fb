DROP TABLE client_instances;
DROP TABLE client_applications;
DROP TABLE client_metrics_variants;
DROP TABLE client_metrics;
