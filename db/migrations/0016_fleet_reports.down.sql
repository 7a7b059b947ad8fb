DROP TABLE fleet_reports;
