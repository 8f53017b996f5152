-- cancel_iterations --
-- Cancel what is in one of the open states: of an experiment, of a variant, or one iteration (NULL stands for all).
UPDATE iteration SET state = 'cancelled'
WHERE
    experiment = :experiment
    AND state = :source
    AND variant BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
    AND number BETWEEN coalesce(:iteration, 0) AND coalesce(:iteration, 9223372036854775807);

-- cases_queued --
-- How many iterations of each case wait: of an experiment, of a variant, or of one iteration.
SELECT json_group_array(json_array("case", count)) FROM (
    SELECT "case", count(*) AS count FROM iteration
    WHERE
        experiment = :experiment
        AND state = 'queued'
        AND variant BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
        AND number BETWEEN coalesce(:iteration, 0) AND coalesce(:iteration, 9223372036854775807)
    GROUP BY "case"
);

-- cancel_open_variants --
-- Cancel variants that are in one of the open states and have nothing left to run.
UPDATE variant SET state = 'cancelled', rule = :rule
WHERE
    experiment = :experiment
    AND state = :source
    AND number BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
    AND NOT EXISTS (
        SELECT 1 FROM iteration
        WHERE iteration.experiment = variant.experiment AND iteration.variant = variant.number AND iteration.state IN ('queued', 'running')
    );

-- retry_iterations --
-- Queue anew what failed or was cancelled, one of the two; its attempts stay on record (IN names the partial index).
UPDATE iteration SET state = 'queued', charged = 0, deaths = 0, cause = NULL
WHERE
    experiment = :experiment
    AND state IN ('failed', 'cancelled') AND state = :source
    AND variant BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
    AND number BETWEEN coalesce(:iteration, 0) AND coalesce(:iteration, 9223372036854775807);

-- retry_success --
-- Queue anew one iteration that has succeeded; its attempts stay on record.
UPDATE iteration SET state = 'queued', charged = 0, deaths = 0, cause = NULL
WHERE experiment = :experiment AND variant = :variant AND number = :iteration AND state = 'succeeded';

-- retry_variants --
-- Reopen ended variants of which something is about to be queued anew; what was decided of them falls.
UPDATE variant SET
    state = 'evaluating', rule = NULL, metrics = NULL, spread = NULL, objective = NULL, rank = NULL,
    score = NULL, passed = NULL, verdict = NULL, selected = 0
WHERE
    experiment = :experiment
    AND state = :source
    AND number BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
    AND number IN (
        SELECT variant FROM iteration
        WHERE
            experiment = :experiment
            AND state IN ('failed', 'cancelled') AND (state = 'failed' OR NOT :failed_only)
            AND variant BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
            AND number BETWEEN coalesce(:iteration, 0) AND coalesce(:iteration, 9223372036854775807)
        UNION ALL
        SELECT variant FROM iteration
        WHERE
            experiment = :experiment AND variant = :variant AND number = :iteration
            AND state = 'succeeded' AND NOT :failed_only
    );

-- cases_to_retry --
-- How many iterations of each case are about to be queued anew.
SELECT json_group_array(json_array("case", count)) FROM (
    SELECT "case", count(*) AS count FROM (
        SELECT "case" FROM iteration
        WHERE
            experiment = :experiment
            AND state IN ('failed', 'cancelled') AND (state = 'failed' OR NOT :failed_only)
            AND variant BETWEEN coalesce(:variant, 0) AND coalesce(:variant, 9223372036854775807)
            AND number BETWEEN coalesce(:iteration, 0) AND coalesce(:iteration, 9223372036854775807)
        UNION ALL
        SELECT "case" FROM iteration
        WHERE
            experiment = :experiment AND variant = :variant AND number = :iteration
            AND state = 'succeeded' AND NOT :failed_only
    ) GROUP BY "case"
);

-- lose_attempts --
-- Attempts that were under way when the daemon or the machine went down, but for those that an executor has kept.
INSERT INTO attempt (experiment, variant, iteration, number, end, cause, error)
SELECT experiment, variant, number, attempt, 'failed', :cause, :error
FROM iteration
WHERE
    state = 'running'
    AND (experiment, variant, number, attempt) NOT IN (
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]')
        FROM json_each(:kept)
    );

-- experiments_with_lost --
-- How many iterations of which experiments were under way.
SELECT json_group_array(json_array(experiment, lost)) FROM (
    SELECT experiment, count(*) AS lost FROM iteration
    WHERE
        state = 'running'
        AND (experiment, variant, number, attempt) NOT IN (
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]')
            FROM json_each(:kept)
        )
    GROUP BY experiment
);

-- running_attempts --
-- What is under way.
SELECT json_group_array(json_array(experiment, variant, number, attempt)) FROM iteration WHERE state = 'running';

-- requeue_lost --
-- Queue anew what was under way; it is not charged for it.
UPDATE iteration SET state = 'queued'
WHERE
    state = 'running'
    AND (experiment, variant, number, attempt) NOT IN (
        SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]')
        FROM json_each(:kept)
    );

-- set_meta --
-- Remember a fact about the file itself.
INSERT INTO meta (key, value) VALUES (:key, :value) ON CONFLICT (key) DO UPDATE SET value = excluded.value;

-- get_meta --
-- A fact about the file itself, as JSON text.
SELECT json_quote(value) FROM meta WHERE key = :key;

-- drop_events --
-- Forget all but the newest events.
DELETE FROM event WHERE seq <= (SELECT max(seq) FROM event) - :keep;
