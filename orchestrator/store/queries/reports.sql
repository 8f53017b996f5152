-- add_reports --
-- What running evaluations have told.
INSERT INTO report (experiment, variant, iteration, attempt, number, step, time_us, metrics) VALUES :rows
ON CONFLICT DO NOTHING;

-- thin_reports --
-- Of the reports of one attempt, keep one in so many.
DELETE FROM report
WHERE experiment = :experiment AND variant = :variant AND iteration = :iteration AND attempt = :attempt AND number % :stride <> 0;

-- add_spent --
-- What attempts have told that they cost.
UPDATE attempt SET
    cost_usd = spent.cost_usd,
    tokens = spent.tokens
FROM (WITH listed (experiment, variant, iteration, number, cost_usd, tokens) AS (VALUES :rows) SELECT * FROM listed) AS spent
WHERE
    attempt.experiment = spent.experiment
    AND attempt.variant = spent.variant
    AND attempt.iteration = spent.iteration
    AND attempt.number = spent.number;

-- add_to_spent --
-- Add to what an experiment has cost so far.
UPDATE experiment SET cost_usd = coalesce(cost_usd, 0) + :usd, tokens = coalesce(tokens, 0) + :tokens WHERE id = :experiment;

-- report_rows --
-- The last reports of one attempt, in the order they were told.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object('number', number, 'step', step, 'time_us', time_us, 'metrics', json(metrics)) AS row
    FROM (
        SELECT number, step, time_us, metrics FROM report
        WHERE experiment = :experiment AND variant = :variant AND iteration = :iteration AND attempt = :attempt
        ORDER BY number DESC
        LIMIT :limit
    )
    ORDER BY number
);

-- reported_metrics --
-- The names of the metrics in the last reports of an experiment.
SELECT json_group_array(name) FROM (
    SELECT DISTINCT entry.key AS name
    FROM (
        SELECT metrics FROM report WHERE experiment = :experiment
        ORDER BY variant DESC, iteration DESC, attempt DESC, number DESC
        LIMIT :limit
    ) AS newest, json_each(newest.metrics) AS entry
    ORDER BY name
);

-- reported_courses --
-- One metric as the last attempts of ended iterations reported it, of some variants after a number.
SELECT json_group_array(json(row)) FROM (
    SELECT json_array(
        v.number,
        (
            SELECT json_group_array(json_array(
                i.number, i.state,
                (
                    SELECT json_group_array(json_array(told.step, told.value)) FROM (
                        SELECT r.step, entry.value FROM report AS r, json_each(r.metrics) AS entry
                        WHERE
                            r.experiment = i.experiment AND r.variant = i.variant AND r.iteration = i.number
                            AND r.attempt = i.attempt AND entry.key = :metric
                        ORDER BY r.number
                    ) AS told
                )
            ))
            FROM iteration AS i
            WHERE i.experiment = v.experiment AND i.variant = v.number AND i.state NOT IN ('queued', 'running')
        )
    ) AS row
    FROM variant AS v
    WHERE v.experiment = :experiment AND v.number > :after
    ORDER BY v.number
    LIMIT :limit
);

-- round_of_variant --
-- The round that brought a variant.
SELECT json_quote(round) FROM variant WHERE experiment = :experiment AND number = :variant;

-- prune_rule --
-- The rule by which the evaluation of an iteration was cut.
SELECT json_quote(rule) FROM decision
WHERE experiment = :experiment AND kind = 'prune' AND inputs ->> 'iteration' = :iteration
ORDER BY id DESC LIMIT 1;

-- drop_iterations --
-- Cancel what waits of pruned variants, of iterations that have one number.
UPDATE iteration SET state = 'cancelled', cause = 'pruned'
WHERE experiment = :experiment AND number = :number AND state = 'queued' AND variant IN (SELECT value FROM json_each(:rows));

-- drop_iterations_of_all --
-- The same for all variants from the first to the last.
UPDATE iteration SET state = 'cancelled', cause = 'pruned'
WHERE experiment = :experiment AND number = :number AND state = 'queued' AND variant BETWEEN :first AND :last;
