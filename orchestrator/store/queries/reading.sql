-- resolve_name --
-- The newest experiment with a name.
SELECT json_quote(max(id)) FROM experiment WHERE name = :name HAVING max(id) IS NOT NULL;

-- newest_names --
-- The names of the newest experiments.
SELECT json_group_array(DISTINCT name) FROM (SELECT name FROM experiment WHERE id > 0 ORDER BY id DESC LIMIT :limit);

-- experiment_rows --
-- Experiments, newest first, below an id.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object(
        'id', id, 'name', name, 'state', state, 'phase', phase, 'round', round, 'reason', reason, 'seed', seed,
        'variant_count', variant_count, 'created_us', created_us, 'started_us', started_us,
        'finished_us', finished_us,
        'variants_evaluated', variants_evaluated, 'variants_failed', variants_failed,
        'variants_pruned', variants_pruned, 'variants_cancelled', variants_cancelled,
        'queued', iterations_queued, 'running', iterations_running, 'succeeded', iterations_succeeded,
        'failed', iterations_failed, 'cancelled', iterations_cancelled, 'cost_usd', cost_usd, 'tokens', tokens,
        'best', (
            SELECT v.number FROM variant AS v
            WHERE v.experiment = experiment.id AND v.passed = 1
            ORDER BY v.rank, v.number LIMIT 1
        )
    ) AS row
    FROM experiment
    WHERE id >= coalesce(:experiment, 0) AND id <= coalesce(:experiment, :below - 1, 9223372036854775807)
    ORDER BY id DESC
    LIMIT :limit
);

-- experiment_whole --
-- What a conductor or a person needs of one experiment beyond its row.
SELECT json_object(
    'spec', json(spec), 'source', source, 'folder', folder, 'environment', json(environment), 'code_hash', code_hash,
    'seed', seed, 'state', state, 'phase', phase, 'round', round, 'name', name, 'started_us', started_us,
    'selected', (
        SELECT json_group_array(number) FROM (
            SELECT number FROM variant WHERE experiment = experiment.id AND selected = 1 ORDER BY rank, number
        )
    ),
    'usage', (
        SELECT json_object(
            'attempts', coalesce(sum(u.attempts), 0), 'wall_seconds', sum(u.wall_seconds), 'cpu_seconds', sum(u.cpu_seconds),
            'max_rss_bytes', max(u.max_rss_bytes), 'read_bytes', sum(u.read_bytes), 'written_bytes', sum(u.written_bytes),
            'output_bytes', sum(u.output_bytes), 'queue_seconds', sum(u.queue_seconds)
        ) FROM usage AS u WHERE u.experiment = experiment.id
    )
) FROM experiment WHERE id = :experiment;

-- open_experiments --
-- Experiments that have not ended, oldest first.
SELECT json_group_array(id) FROM (SELECT id FROM experiment WHERE finished_us IS NULL ORDER BY id);

-- iteration_count --
-- How many iterations an experiment has in all.
SELECT json_quote(iterations_queued + iterations_running + iterations_succeeded + iterations_failed + iterations_cancelled)
FROM experiment WHERE id = :experiment;

-- open_variants --
-- Variants that still have iterations to start, with all their iterations, between two numbers. Of one that was never begun, as nearly all,
-- there is nothing behind the seed. The last of another's values: when the attempt failed after which it waits for the next, now when that
-- is unknown. (One that went down with the daemon has no executor.)
SELECT json_group_array(json(row)) FROM (
    SELECT json_array(
        v.number, v.hash, v.params,
        (
            SELECT json_group_array(CASE WHEN i.attempt = 0 AND i.state = 'queued' THEN
                json_array(i.number, i.stage, i."case", i.repeat, i.seed)
            ELSE json_array(i.number, i.stage, i."case", i.repeat, i.seed, i.state, i.attempt, i.charged, i.cause, i.deaths, CASE i.state
                WHEN 'succeeded' THEN (
                    SELECT a.metrics FROM attempt AS a
                    WHERE a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
                )
            END, CASE WHEN i.state = 'queued' AND i.charged > 0 THEN (
                SELECT coalesce(a.finished_us, strftime('%s', 'now') * 1000000) FROM attempt AS a
                WHERE
                    a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
                    AND a.end = 'failed' AND a.cause = i.cause AND a.executor IS NOT NULL
            ) END) END)
            FROM iteration AS i WHERE i.experiment = v.experiment AND i.variant = v.number
        )
    ) AS row
    FROM variant AS v
    WHERE v.experiment = :experiment AND v.number > :after AND v.number < :before AND v.state IN ('proposed', 'evaluating')
    ORDER BY v.number
    LIMIT :limit
);

-- measured_of_variants --
-- Measured numbers of the last attempts of some variants' iterations. One row: the number.
SELECT json_group_array(json_array(a.variant, a.iteration, a.wall_seconds, a.cpu_seconds, a.max_rss_bytes))
FROM json_each(:rows) AS wanted, iteration AS i, attempt AS a
WHERE
    i.experiment = :experiment AND i.variant = wanted.value AND i.state = 'succeeded'
    AND a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt;

-- newest_walls --
-- How long the newest successful evaluations of a stage took, newest first.
SELECT json_group_array(wall_seconds) FROM (
    SELECT a.wall_seconds
    FROM iteration AS i
    JOIN attempt AS a
        ON a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
    WHERE i.experiment = :experiment AND i.stage = :stage AND i.state = 'succeeded' AND a.wall_seconds IS NOT NULL
    ORDER BY i.variant DESC, i.number DESC
    LIMIT :limit
);

-- ungated_variants --
-- Evaluated variants that no gate has judged yet, after a number.
SELECT json_group_array(json(row)) FROM (
    SELECT json_array(number, json(metrics)) AS row FROM variant
    WHERE experiment = :experiment AND number > :after AND state = 'evaluated' AND passed IS NULL
    ORDER BY number
    LIMIT :limit
);

-- ranked --
-- Passing variants, best first.
SELECT json_group_array(json(row)) FROM (
    SELECT json_array(number, objective, json(metrics)) AS row FROM variant
    WHERE experiment = :experiment AND passed = 1
    ORDER BY rank, number LIMIT :limit
);

-- variant_rows --
-- Variants with their iterations as last tried, after a number.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object(
        'number', v.number, 'params', json(v.params), 'state', CASE
            WHEN v.state = 'proposed' AND EXISTS (
                SELECT 1 FROM iteration AS i
                WHERE i.experiment = v.experiment AND i.variant = v.number AND (i.state <> 'queued' OR i.attempt > 0)
            ) THEN 'evaluating'
            ELSE v.state
        END, 'rule', v.rule, 'round', v.round,
        'approach', v.approach, 'parents', json(v.parents),
        'metrics', json(v.metrics), 'spread', json(v.spread), 'score', v.score,
        'passed', json(CASE v.passed WHEN 1 THEN 'true' WHEN 0 THEN 'false' END),
        'selected', json(CASE v.selected WHEN 1 THEN 'true' ELSE 'false' END),
        'iterations', (
            SELECT json_group_array(json_array(
                i.number, i.stage, i."case", i.repeat, i.attempt, i.state, i.cause, a.error, i.seed,
                json(CASE i.state WHEN 'succeeded' THEN a.metrics END),
                a.wall_seconds, a.cpu_seconds, a.max_rss_bytes, a.executor, a.queue_seconds, a.read_bytes, a.written_bytes, a.output_bytes
            ))
            FROM iteration AS i
            LEFT JOIN attempt AS a
                ON a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
            WHERE i.experiment = v.experiment AND i.variant = v.number
                AND i.number BETWEEN coalesce(:iteration, 0) AND coalesce(:iteration, 9223372036854775807)
        )
    ) AS row
    FROM variant AS v
    WHERE v.experiment = :experiment AND v.number > :after AND v.number <= coalesce(:variant, 9223372036854775807)
    ORDER BY v.number
    LIMIT :limit
);

-- attempt_rows --
-- All attempts at one iteration.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object(
        'attempt', number, 'end', end, 'cause', cause, 'error', error, 'exit_status', exit_status, 'executor', executor,
        'started_us', started_us, 'finished_us', finished_us, 'wall_seconds', wall_seconds, 'cpu_seconds', cpu_seconds,
        'max_rss_bytes', max_rss_bytes, 'output_bytes', output_bytes, 'read_bytes', read_bytes, 'written_bytes', written_bytes,
        'queue_seconds', queue_seconds,
        'pid', pid, 'start_ticks', start_ticks, 'cost_usd', cost_usd, 'tokens', tokens,
        'artifacts', (
            SELECT json_group_array(json_object(
                'name', f.name, 'bytes', f.bytes,
                'path', CASE WHEN f.kept THEN
                    printf('runs/%d/%d/%d.%d.artifacts/%s', f.experiment, f.variant, f.iteration, f.attempt, f.name)
                END
            ))
            FROM artifact AS f
            WHERE f.experiment = attempt.experiment AND f.variant = attempt.variant
                AND f.iteration = attempt.iteration AND f.attempt = attempt.number
        )
    ) AS row
    FROM attempt WHERE experiment = :experiment AND variant = :variant AND iteration = :iteration ORDER BY number
);

-- cases --
-- Iterations and ended ones by case.
SELECT json_group_array(json_array("case", total, ended)) FROM (
    SELECT "case", count(*) AS total, sum(state IN ('succeeded', 'failed', 'cancelled')) AS ended
    FROM iteration WHERE experiment = :experiment GROUP BY "case"
);

-- running_iterations --
-- Some of what runs now.
SELECT json_group_array(json_array(variant, number)) FROM (
    SELECT variant, number FROM iteration
    WHERE experiment = :experiment AND state = 'running' LIMIT :limit
);

-- round_progress --
-- Variants of one round and how many of them have ended.
SELECT json_array(count(*), coalesce(sum(state NOT IN ('proposed', 'evaluating')), 0))
FROM variant WHERE experiment = :experiment AND number >= (
    SELECT first_variant FROM round WHERE experiment = :experiment AND number = :round
) AND round = :round;

-- lane_times --
-- When the lanes of an experiment began last, and when their time was used up, as decisions say; and when the experiment ended last,
-- was opened again last, was paused and went on (opened again it goes on too).
SELECT json_object(
    'reopened_us', (SELECT max(time_us) FROM decision WHERE experiment = :experiment AND kind = 'retry' AND rule = 'reopened'),
    'ended_us', (
        SELECT max(time_us) FROM decision WHERE experiment = :experiment AND kind = 'decide' AND result ->> 'action' = 'end'
    ),
    'pauses', (
        SELECT json_group_array(json_array(kind, time_us)) FROM (
            SELECT kind, time_us FROM decision
            WHERE experiment = :experiment AND kind IN ('pause', 'resume', 'retry') AND (kind <> 'retry' OR rule = 'reopened')
            ORDER BY id
        )
    ),
    'lanes', (
        SELECT json_group_array(json_array(lane, begun_us, cut_us)) FROM (
            SELECT
                result ->> 'lane' AS lane,
                max(CASE kind WHEN 'lane' THEN time_us END) AS begun_us,
                max(CASE kind WHEN 'limit' THEN time_us END) AS cut_us
            FROM decision
            WHERE experiment = :experiment AND kind IN ('lane', 'limit') AND result ->> 'lane' IS NOT NULL
            GROUP BY lane
        )
    )
);

-- decision_rows --
-- Decisions on record, oldest first.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object(
        'round', round, 'kind', kind, 'time_us', time_us, 'rule', rule, 'message', message,
        'inputs', json(inputs), 'result', json(result)
    ) AS row
    FROM decision WHERE experiment = :experiment ORDER BY id
);

-- variant_origin --
-- Which proposals led to a variant, and the verdict on it.
SELECT json_object(
    'verdict', json(verdict), 'score', score, 'passed', passed, 'selected', selected, 'state', state, 'rule', rule,
    'round', round,
    'proposals', (
        SELECT json_group_array(json_array(p.round, p.ordinal + v.number - p.variant)) FROM proposal AS p
        WHERE p.experiment = v.experiment AND v.number BETWEEN p.variant AND p.variant + p.count - 1
    )
) FROM variant AS v WHERE v.experiment = :experiment AND v.number = :variant;

-- event_rows --
-- Events after a sequence number, of one experiment or of all.
SELECT json_group_array(json(data)) FROM (
    SELECT data FROM event
    WHERE seq > :since AND (:experiment IS NULL OR experiment = :experiment)
    ORDER BY seq LIMIT :limit
);

-- event_range --
-- The oldest and the newest sequence number that is kept.
SELECT json_array(
    (SELECT min(seq) FROM event),
    (SELECT seq FROM sqlite_sequence WHERE name = 'event')
);

-- name_parts --
-- Names of all parameters and of all own metrics of an experiment.
SELECT json_object(
    'params', (
        SELECT json_group_array(DISTINCT entry.key) FROM variant AS v, json_each(v.params) AS entry
        WHERE v.experiment = :experiment
    ),
    'metrics', (
        SELECT json_group_array(DISTINCT entry.key) FROM iteration AS i, attempt AS a, json_each(a.metrics) AS entry
        WHERE
            i.experiment = :experiment AND i.state = 'succeeded'
            AND a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
    )
);

-- round_summary --
-- Variants of one round by what became of them, and the range of their objectives.
SELECT json_object(
    'proposed', count(*),
    'evaluated', coalesce(sum(v.state = 'evaluated'), 0),
    'failed', coalesce(sum(v.state = 'failed'), 0),
    'pruned', coalesce(sum(v.state = 'pruned'), 0),
    'passed', coalesce(sum(v.passed = 1), 0),
    'smallest', min(v.objective),
    'largest', max(v.objective)
) FROM round AS r, variant AS v
WHERE
    r.experiment = :experiment AND r.number = :round
    AND v.experiment = r.experiment AND v.number >= r.first_variant
    AND v.number < coalesce(
        (SELECT following.first_variant FROM round AS following WHERE following.experiment = r.experiment AND following.number = r.number + 1),
        9223372036854775807
    );

-- round_row --
-- What is on record of one round.
SELECT json_object('proposals', proposals, 'first_variant', first_variant, 'best_objective', best_objective)
FROM round WHERE experiment = :experiment AND number = :round;

-- selected_count --
-- How many variants are selected now.
SELECT json_quote(count(*)) FROM variant WHERE experiment = :experiment AND selected = 1;
