-- add_usage --
-- Add to the sums of a stage, by executor, end and cause; what is unknown adds nothing.
INSERT INTO usage (
    experiment, stage, executor, end, cause, attempts, wall_seconds, cpu_seconds, max_rss_bytes, output_bytes, read_bytes, written_bytes,
    queue_seconds, longest_wall_seconds, longest_queue_seconds, first_started_us, last_finished_us, variant, iteration, attempt
) VALUES :rows
ON CONFLICT (experiment, stage, executor, end, cause) DO UPDATE SET
    attempts = attempts + excluded.attempts,
    wall_seconds = coalesce(wall_seconds + excluded.wall_seconds, wall_seconds, excluded.wall_seconds),
    cpu_seconds = coalesce(cpu_seconds + excluded.cpu_seconds, cpu_seconds, excluded.cpu_seconds),
    max_rss_bytes = coalesce(max(max_rss_bytes, excluded.max_rss_bytes), max_rss_bytes, excluded.max_rss_bytes),
    output_bytes = coalesce(output_bytes + excluded.output_bytes, output_bytes, excluded.output_bytes),
    read_bytes = coalesce(read_bytes + excluded.read_bytes, read_bytes, excluded.read_bytes),
    written_bytes = coalesce(written_bytes + excluded.written_bytes, written_bytes, excluded.written_bytes),
    queue_seconds = coalesce(queue_seconds + excluded.queue_seconds, queue_seconds, excluded.queue_seconds),
    longest_wall_seconds = coalesce(
        max(longest_wall_seconds, excluded.longest_wall_seconds), longest_wall_seconds, excluded.longest_wall_seconds
    ),
    longest_queue_seconds = coalesce(
        max(longest_queue_seconds, excluded.longest_queue_seconds), longest_queue_seconds, excluded.longest_queue_seconds
    ),
    first_started_us = coalesce(min(first_started_us, excluded.first_started_us), first_started_us, excluded.first_started_us),
    last_finished_us = coalesce(max(last_finished_us, excluded.last_finished_us), last_finished_us, excluded.last_finished_us);

-- lose_usage --
-- Add the attempts that have just been recorded as lost; nothing is known of what they used.
INSERT INTO usage (experiment, stage, executor, end, cause, attempts, variant, iteration, attempt)
SELECT i.experiment, i.stage, '', 'failed', :cause, count(*), min(i.variant), i.number, i.attempt
FROM iteration AS i, attempt AS a
WHERE
    i.state = 'running'
    AND a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
GROUP BY i.experiment, i.stage
ON CONFLICT (experiment, stage, executor, end, cause) DO UPDATE SET attempts = attempts + excluded.attempts;

-- lose_usage_total --
-- Add them to the sums over everything that ever ran.
INSERT INTO usage_total (executor, end, cause, attempts)
SELECT '', 'failed', :cause, count(*)
FROM iteration AS i, attempt AS a
WHERE
    i.state = 'running'
    AND a.experiment = i.experiment AND a.variant = i.variant AND a.iteration = i.number AND a.number = i.attempt
HAVING count(*) > 0
ON CONFLICT (executor, end, cause) DO UPDATE SET attempts = attempts + excluded.attempts;

-- add_usage_total --
-- Add to the sums over everything that ever ran.
INSERT INTO usage_total (
    executor, end, cause, attempts, wall_seconds, cpu_seconds, output_bytes, read_bytes, written_bytes, queue_seconds
) VALUES :rows
ON CONFLICT (executor, end, cause) DO UPDATE SET
    attempts = attempts + excluded.attempts,
    wall_seconds = coalesce(wall_seconds + excluded.wall_seconds, wall_seconds, excluded.wall_seconds),
    cpu_seconds = coalesce(cpu_seconds + excluded.cpu_seconds, cpu_seconds, excluded.cpu_seconds),
    output_bytes = coalesce(output_bytes + excluded.output_bytes, output_bytes, excluded.output_bytes),
    read_bytes = coalesce(read_bytes + excluded.read_bytes, read_bytes, excluded.read_bytes),
    written_bytes = coalesce(written_bytes + excluded.written_bytes, written_bytes, excluded.written_bytes),
    queue_seconds = coalesce(queue_seconds + excluded.queue_seconds, queue_seconds, excluded.queue_seconds);

-- add_walls --
-- Count attempts of a stage by how long they took: pairs of a bucket and a number, in one step.
INSERT INTO usage_wall (experiment, stage, bucket, attempts)
SELECT :experiment, :stage, value ->> 0, value ->> 1 FROM json_each(:rows)
WHERE true
ON CONFLICT (experiment, stage, bucket) DO UPDATE SET attempts = attempts + excluded.attempts;

-- usage_rows --
-- The sums of an experiment by stage, executor, end and cause, with the error of the first attempt of each kind.
SELECT json_group_array(json(row)) FROM (
    SELECT json_object(
        'stage', u.stage, 'executor', nullif(u.executor, ''), 'end', u.end, 'cause', nullif(u.cause, ''), 'attempts', u.attempts,
        'wall_seconds', u.wall_seconds, 'cpu_seconds', u.cpu_seconds, 'max_rss_bytes', u.max_rss_bytes,
        'output_bytes', u.output_bytes, 'read_bytes', u.read_bytes, 'written_bytes', u.written_bytes,
        'queue_seconds', u.queue_seconds,
        'longest_wall_seconds', u.longest_wall_seconds, 'longest_queue_seconds', u.longest_queue_seconds,
        'first_started_us', u.first_started_us, 'last_finished_us', u.last_finished_us,
        'first', u.experiment || '.' || u.variant || '.' || u.iteration, 'first_attempt', u.attempt,
        'error', (
            SELECT a.error FROM attempt AS a
            WHERE a.experiment = u.experiment AND a.variant = u.variant AND a.iteration = u.iteration AND a.number = u.attempt
        )
    ) AS row
    FROM usage AS u WHERE u.experiment = :experiment
);

-- usage_walls --
-- How long the attempts of an experiment took, by stage and bucket.
SELECT json_group_array(json_array(stage, bucket, attempts)) FROM usage_wall WHERE experiment = :experiment;

-- usage_totals --
-- The sums over everything that ever ran, by executor, end and cause.
SELECT json_group_array(json_object(
    'executor', executor, 'end', end, 'cause', cause, 'attempts', attempts, 'wall_seconds', wall_seconds,
    'cpu_seconds', cpu_seconds, 'output_bytes', output_bytes, 'read_bytes', read_bytes, 'written_bytes', written_bytes,
    'queue_seconds', queue_seconds
)) FROM usage_total;

-- round_rows --
-- The last rounds of an experiment, in order, with what was decided after each.
SELECT json_group_array(json(row)) FROM (
    SELECT row FROM (
        SELECT number, json_object(
            'round', number, 'approach', approach, 'proposals', proposals, 'best_objective', best_objective, 'opened_us', opened_us,
            'decided', (
                SELECT message FROM decision
                WHERE decision.experiment = :experiment AND decision.round = round.number AND kind = 'decide'
                ORDER BY id DESC LIMIT 1
            )
        ) AS row
        FROM round WHERE experiment = :experiment ORDER BY number DESC LIMIT :limit
    ) ORDER BY number
);

-- attempt_runs --
-- The last attempts of an experiment in the order of their refs, with the stage they are of.
SELECT json_group_array(json(row)) FROM (
    SELECT json_array(
        a.variant, a.iteration, a.number, i.stage, a.end, a.cause, a.executor, a.pid,
        a.started_us, a.finished_us, a.wall_seconds, a.cpu_seconds, a.max_rss_bytes, a.output_bytes, a.queue_seconds
    ) AS row
    FROM attempt AS a, iteration AS i
    WHERE a.experiment = :experiment AND i.experiment = a.experiment AND i.variant = a.variant AND i.number = a.iteration
    ORDER BY a.variant DESC, a.iteration DESC, a.number DESC
    LIMIT :limit
);

-- walls_before --
-- How long the stages of the last experiments of one name took on average, those that went well, this one included; newest first.
-- And of those experiments that succeeded their lanes: seconds from the first start to the last end, and the evaluations between.
SELECT json_group_array(json(row)) FROM (
    SELECT json_array(
        e.id,
        (
            SELECT json_group_object(u.stage, u.wall) FROM (
                SELECT stage, sum(wall_seconds) / sum(attempts) AS wall FROM usage
                WHERE experiment = e.id AND end = 'succeeded' AND wall_seconds IS NOT NULL
                GROUP BY stage
            ) AS u
        ),
        (
            SELECT json_group_object(lane, json_array(seconds, evaluations)) FROM (
                SELECT
                    s.value ->> 'lane' AS lane,
                    (max(u.last_finished_us) - min(u.first_started_us)) / 1e6 AS seconds,
                    sum(u.attempts) AS evaluations
                FROM json_each(e.spec, '$.stage') AS s, usage AS u
                WHERE e.state = 'succeeded' AND s.value ->> 'lane' IS NOT NULL
                AND u.experiment = e.id AND u.stage = s.value ->> 'name' AND u.end = 'succeeded' AND u.first_started_us IS NOT NULL
                GROUP BY lane
            )
        )
    ) AS row
    FROM experiment AS e
    WHERE e.name = :name AND e.id <= :experiment
    ORDER BY e.id DESC
    LIMIT :limit
);
