-- The triggers that feed the change log: one function a table, one constraint trigger an operation kind. UPDATE triggers
-- compare the columns SDKs can see, so that titles, timestamps and the like are never announced. An UPDATE announces the
-- old row only where it had another key: the second call would be coalesced, but not free.

CREATE FUNCTION features_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- A flag that leaves a project (moved, renamed, deleted) is announced under the old one too, so that those who could
    -- see it there learn that it is gone.
    IF TG_OP = 'DELETE' THEN
        PERFORM change_log_append('feature', OLD.name, OLD.project, NULL);
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.name, OLD.project) IS DISTINCT FROM (NEW.name, NEW.project) THEN
        PERFORM change_log_append('feature', OLD.name, OLD.project, NULL);
    END IF;
    PERFORM change_log_append('feature', NEW.name, NEW.project, NULL);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER features_insert_delete_change AFTER INSERT OR DELETE ON features
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION features_change();
CREATE CONSTRAINT TRIGGER features_update_change AFTER UPDATE ON features
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.name, OLD.project, OLD.type, OLD.description, OLD.stale, OLD.impression_data, OLD.archived_at IS NULL)
        IS DISTINCT FROM
          (NEW.name, NEW.project, NEW.type, NEW.description, NEW.stale, NEW.impression_data, NEW.archived_at IS NULL))
    EXECUTE FUNCTION features_change();

-- The two tables below are those that are written most. Their triggers have no WHEN clause: PostgreSQL parses it anew at
-- every UPDATE, which takes several times as long as comparing in the function.
CREATE FUNCTION feature_environments_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.feature, OLD.environment, OLD.enabled, OLD.variants) IS NOT DISTINCT FROM (NEW.feature, NEW.environment, NEW.enabled, NEW.variants) THEN
            RETURN NULL;
        END IF;
        IF (OLD.feature, OLD.environment) IS DISTINCT FROM (NEW.feature, NEW.environment) THEN
            PERFORM change_log_append('feature', OLD.feature, NULL, OLD.environment);
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM change_log_append('feature', OLD.feature, NULL, OLD.environment);
        RETURN NULL;
    END IF;
    PERFORM change_log_append('feature', NEW.feature, NULL, NEW.environment);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER feature_environments_change AFTER INSERT OR UPDATE OR DELETE ON feature_environments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION feature_environments_change();

CREATE FUNCTION feature_strategies_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        IF (OLD.feature, OLD.environment, OLD.strategy_name, OLD.disabled, OLD.sort_order, OLD.parameters, OLD.constraints, OLD.variants, OLD.created_at)
            IS NOT DISTINCT FROM
            (NEW.feature, NEW.environment, NEW.strategy_name, NEW.disabled, NEW.sort_order, NEW.parameters, NEW.constraints, NEW.variants, NEW.created_at)
        THEN
            RETURN NULL;
        END IF;
        IF (OLD.feature, OLD.environment) IS DISTINCT FROM (NEW.feature, NEW.environment) THEN
            PERFORM change_log_append('feature', OLD.feature, NULL, OLD.environment);
        END IF;
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM change_log_append('feature', OLD.feature, NULL, OLD.environment);
        RETURN NULL;
    END IF;
    PERFORM change_log_append('feature', NEW.feature, NULL, NEW.environment);
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER feature_strategies_change AFTER INSERT OR UPDATE OR DELETE ON feature_strategies
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION feature_strategies_change();

CREATE FUNCTION feature_strategy_segments_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_strategy record;
BEGIN
    -- A strategy that is gone by now has announced itself.
    FOR v_strategy IN
        SELECT DISTINCT s.feature, s.environment
        FROM feature_strategies s
        WHERE s.id = CASE WHEN TG_OP = 'INSERT' THEN NULL ELSE OLD.strategy_id END
            OR s.id = CASE WHEN TG_OP = 'DELETE' THEN NULL ELSE NEW.strategy_id END
    LOOP
        PERFORM change_log_append('feature', v_strategy.feature, NULL, v_strategy.environment);
    END LOOP;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER feature_strategy_segments_change AFTER INSERT OR UPDATE OR DELETE ON feature_strategy_segments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION feature_strategy_segments_change();

CREATE FUNCTION segments_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.id <> NEW.id) THEN
        PERFORM change_log_append('segment', OLD.id::text, NULL, NULL);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('segment', NEW.id::text, NULL, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER segments_insert_delete_change AFTER INSERT OR DELETE ON segments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION segments_change();
CREATE CONSTRAINT TRIGGER segments_update_change AFTER UPDATE ON segments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.id, OLD.name, OLD.constraints) IS DISTINCT FROM (NEW.id, NEW.name, NEW.constraints))
    EXECUTE FUNCTION segments_change();

CREATE FUNCTION feature_dependencies_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.child <> NEW.child) THEN
        PERFORM change_log_append('feature', OLD.child, NULL, NULL);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('feature', NEW.child, NULL, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER feature_dependencies_change AFTER INSERT OR UPDATE OR DELETE ON feature_dependencies
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION feature_dependencies_change();

-- Tags are no part of a flag's payload, but SDKs may ask for flags by tag.
CREATE FUNCTION feature_tags_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.feature <> NEW.feature) THEN
        PERFORM change_log_append('feature', OLD.feature, NULL, NULL);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('feature', NEW.feature, NULL, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER feature_tags_change AFTER INSERT OR UPDATE OR DELETE ON feature_tags
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION feature_tags_change();

CREATE FUNCTION project_environments_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM change_log_append('project-environment', OLD.project, OLD.project, OLD.environment);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('project-environment', NEW.project, NEW.project, NEW.environment);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER project_environments_insert_delete_change AFTER INSERT OR DELETE ON project_environments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION project_environments_change();
CREATE CONSTRAINT TRIGGER project_environments_update_change AFTER UPDATE ON project_environments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.project, OLD.environment) IS DISTINCT FROM (NEW.project, NEW.environment))
    EXECUTE FUNCTION project_environments_change();

-- A new project holds no flags yet. An archived one shows none.
CREATE FUNCTION projects_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_log_append('project', OLD.id, OLD.id, NULL);
    IF TG_OP = 'UPDATE' AND OLD.id <> NEW.id THEN
        PERFORM change_log_append('project', NEW.id, NEW.id, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER projects_delete_change AFTER DELETE ON projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION projects_change();
CREATE CONSTRAINT TRIGGER projects_update_change AFTER UPDATE ON projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.id, OLD.archived_at IS NULL) IS DISTINCT FROM (NEW.id, NEW.archived_at IS NULL))
    EXECUTE FUNCTION projects_change();

CREATE FUNCTION environments_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        PERFORM change_log_append('environment', OLD.name, NULL, OLD.name);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('environment', NEW.name, NULL, NEW.name);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER environments_insert_delete_change AFTER INSERT OR DELETE ON environments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION environments_change();
CREATE CONSTRAINT TRIGGER environments_update_change AFTER UPDATE ON environments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION environments_change();

CREATE FUNCTION api_tokens_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.environment IS DISTINCT FROM NEW.environment) THEN
        PERFORM change_log_append('token', OLD.id::text, NULL, OLD.environment);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('token', NEW.id::text, NULL, NEW.environment);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER api_tokens_insert_delete_change AFTER INSERT OR DELETE ON api_tokens
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION api_tokens_change();
CREATE CONSTRAINT TRIGGER api_tokens_update_change AFTER UPDATE ON api_tokens
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.secret_hash, OLD.kind, OLD.environment, OLD.all_projects, OLD.alias, OLD.expires_at)
        IS DISTINCT FROM
          (NEW.secret_hash, NEW.kind, NEW.environment, NEW.all_projects, NEW.alias, NEW.expires_at))
    EXECUTE FUNCTION api_tokens_change();

CREATE FUNCTION api_token_projects_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.token_id <> NEW.token_id) THEN
        PERFORM change_log_append('token', OLD.token_id::text, NULL, NULL);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('token', NEW.token_id::text, NULL, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER api_token_projects_change AFTER INSERT OR UPDATE OR DELETE ON api_token_projects
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION api_token_projects_change();

CREATE FUNCTION settings_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.name <> NEW.name) THEN
        PERFORM change_log_append('setting', OLD.name, NULL, NULL);
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM change_log_append('setting', NEW.name, NULL, NULL);
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER settings_insert_delete_change AFTER INSERT OR DELETE ON settings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION settings_change();
CREATE CONSTRAINT TRIGGER settings_update_change AFTER UPDATE ON settings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.name, OLD.content) IS DISTINCT FROM (NEW.name, NEW.content))
    EXECUTE FUNCTION settings_change();

-- TRUNCATE fires no row triggers and cannot be deferred; it is rare enough to be announced on the spot.
CREATE FUNCTION truncate_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM change_log_resync();
    RETURN NULL;
END $$;

CREATE TRIGGER features_truncate_change AFTER TRUNCATE ON features EXECUTE FUNCTION truncate_change();
CREATE TRIGGER feature_environments_truncate_change AFTER TRUNCATE ON feature_environments EXECUTE FUNCTION truncate_change();
CREATE TRIGGER feature_strategies_truncate_change AFTER TRUNCATE ON feature_strategies EXECUTE FUNCTION truncate_change();
CREATE TRIGGER feature_strategy_segments_truncate_change AFTER TRUNCATE ON feature_strategy_segments EXECUTE FUNCTION truncate_change();
CREATE TRIGGER segments_truncate_change AFTER TRUNCATE ON segments EXECUTE FUNCTION truncate_change();
CREATE TRIGGER feature_dependencies_truncate_change AFTER TRUNCATE ON feature_dependencies EXECUTE FUNCTION truncate_change();
CREATE TRIGGER feature_tags_truncate_change AFTER TRUNCATE ON feature_tags EXECUTE FUNCTION truncate_change();
CREATE TRIGGER project_environments_truncate_change AFTER TRUNCATE ON project_environments EXECUTE FUNCTION truncate_change();
CREATE TRIGGER environments_truncate_change AFTER TRUNCATE ON environments EXECUTE FUNCTION truncate_change();
CREATE TRIGGER api_tokens_truncate_change AFTER TRUNCATE ON api_tokens EXECUTE FUNCTION truncate_change();
CREATE TRIGGER api_token_projects_truncate_change AFTER TRUNCATE ON api_token_projects EXECUTE FUNCTION truncate_change();
CREATE TRIGGER settings_truncate_change AFTER TRUNCATE ON settings EXECUTE FUNCTION truncate_change();
