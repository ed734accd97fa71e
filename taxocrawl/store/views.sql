-- Views and macros of a store: made anew by every program that writes, so they need no migration.
-- They use only what the command-line shells of DuckDB 1.4 and 1.5 understand too.

CREATE OR REPLACE VIEW newest_sites AS
SELECT sites.*
FROM sites
JOIN (
    SELECT domain, arg_max(run_id, sequence) AS run_id
    FROM sites JOIN runs USING (run_id)
    -- A run that was stopped says nothing about the sites it did not reach.
    WHERE outcome <> 'interrupted'
    GROUP BY domain
) AS newest USING (run_id, domain);

COMMENT ON VIEW newest_sites IS 'sites, each as the newest run that reached it found it';

CREATE OR REPLACE VIEW standing_labels AS
WITH last_word AS (
    SELECT domain, url, taxonomy, arg_max(labelled_by, created_at) AS labelled_by
    FROM labels
    WHERE verdict = 'is'
    GROUP BY domain, url, taxonomy
)
SELECT labels.*
FROM labels
SEMI JOIN last_word
    ON last_word.domain = labels.domain
    AND last_word.url IS NOT DISTINCT FROM labels.url
    AND last_word.taxonomy = labels.taxonomy
    AND last_word.labelled_by = labels.labelled_by
LEFT JOIN nodes ON nodes.taxonomy = labels.taxonomy AND nodes.node_id = labels.node_id
ANTI JOIN (SELECT * FROM labels WHERE verdict = 'is_not') AS struck
    ON struck.domain = labels.domain
    AND struck.url IS NOT DISTINCT FROM labels.url
    AND struck.taxonomy = labels.taxonomy
    AND list_contains(nodes.path_ids, struck.node_id)
    AND struck.created_at > labels.created_at
WHERE labels.verdict = 'is';

COMMENT ON VIEW standing_labels IS
'what people say sites are about: of several people the one who spoke last';

CREATE OR REPLACE VIEW labelled_categories AS
SELECT
    labels.domain,
    labels.url,
    labels.taxonomy,
    branch.node_id,
    -- 1 on what the person named, NULL on what merely lies above it.
    max(CASE WHEN branch.node_id = labels.node_id THEN 1 END) AS rank
FROM standing_labels AS labels
JOIN nodes ON nodes.taxonomy = labels.taxonomy AND nodes.node_id = labels.node_id
CROSS JOIN unnest(nodes.path_ids) AS branch (node_id)
GROUP BY ALL;

COMMENT ON VIEW labelled_categories IS
'categories that people gave, and all categories above them';

CREATE OR REPLACE VIEW decided_categories AS
SELECT
    labelled.domain,
    labelled.url,
    labelled.taxonomy,
    labelled.node_id,
    1.0::DOUBLE AS confidence,
    labelled.rank::INTEGER AS rank,
    'label' AS decided_by,
    newest_sites.run_id,
    '' AS relation
FROM labelled_categories AS labelled
LEFT JOIN newest_sites ON newest_sites.domain = labelled.domain
UNION ALL
SELECT
    predictions.domain,
    predictions.url,
    predictions.taxonomy,
    predictions.node_id,
    predictions.confidence,
    predictions.rank,
    predictions.classifier,
    predictions.run_id,
    predictions.relation
FROM predictions
SEMI JOIN newest_sites
    ON newest_sites.run_id = predictions.run_id AND newest_sites.domain = predictions.domain
ANTI JOIN standing_labels AS labelled
    ON labelled.domain = predictions.domain
    AND labelled.taxonomy = predictions.taxonomy
    AND labelled.url IS NOT DISTINCT FROM predictions.url
ANTI JOIN (
    SELECT struck.domain, struck.url, below.taxonomy, below.node_id
    FROM labels AS struck
    JOIN nodes AS below
        ON below.taxonomy = struck.taxonomy
        AND list_contains(below.path_ids, struck.node_id)
    WHERE struck.verdict = 'is_not'
) AS struck
    ON struck.domain = predictions.domain
    AND struck.taxonomy = predictions.taxonomy
    AND struck.node_id = predictions.node_id
    AND struck.url IS NOT DISTINCT FROM predictions.url
WHERE predictions.asserted AND predictions.decides;

COMMENT ON VIEW decided_categories IS
'the answer for each site (url NULL) and page: people first, then the classifier that decides';

CREATE OR REPLACE VIEW site_categories AS
SELECT
    decided.domain,
    decided.taxonomy,
    decided.node_id,
    coalesce(nodes.name, decided.node_id) AS name,
    coalesce(nodes.path, decided.node_id) AS path,
    nodes.tier,
    nodes.parent_id,
    decided.confidence,
    decided.rank,
    decided.decided_by,
    decided.run_id,
    decided.relation
FROM decided_categories AS decided
LEFT JOIN nodes ON nodes.taxonomy = decided.taxonomy AND nodes.node_id = decided.node_id
WHERE decided.url IS NULL;

COMMENT ON VIEW site_categories IS
'what each site is about: newest run, a label wins; categories above the answer have rows too';

CREATE OR REPLACE VIEW page_categories AS
SELECT
    decided.domain,
    decided.url,
    decided.taxonomy,
    decided.node_id,
    coalesce(nodes.name, decided.node_id) AS name,
    coalesce(nodes.path, decided.node_id) AS path,
    nodes.tier,
    nodes.parent_id,
    decided.confidence,
    decided.rank,
    decided.decided_by,
    decided.run_id,
    decided.relation
FROM decided_categories AS decided
LEFT JOIN nodes ON nodes.taxonomy = decided.taxonomy AND nodes.node_id = decided.node_id
WHERE decided.url IS NOT NULL;

COMMENT ON VIEW page_categories IS 'what each page is about: newest run, a label wins';

CREATE OR REPLACE VIEW risky AS
SELECT risks.domain, risks.topic, risks.confidence, risks.reasons, sites.form, risks.run_id
FROM risks
JOIN newest_sites AS sites ON sites.run_id = risks.run_id AND sites.domain = risks.domain
ORDER BY risks.confidence DESC, risks.domain, risks.topic;

COMMENT ON VIEW risky IS
'sites that an advertiser or a filter may want to keep away from, with the words that say so';

CREATE OR REPLACE VIEW category_words AS
SELECT
    attributions.taxonomy,
    attributions.node_id,
    coalesce(any_value(nodes.path), attributions.node_id) AS path,
    attributions.method,
    attributions.name AS word,
    count(DISTINCT attributions.domain) AS n_sites,
    avg(attributions.weight) AS mean_weight,
    sum(attributions.weight) AS total_weight
FROM attributions
SEMI JOIN newest_sites
    ON newest_sites.run_id = attributions.run_id AND newest_sites.domain = attributions.domain
LEFT JOIN nodes
    ON nodes.taxonomy = attributions.taxonomy AND nodes.node_id = attributions.node_id
WHERE attributions.kind IN ('word', 'phrase')
GROUP BY
    attributions.taxonomy, attributions.node_id, attributions.method, attributions.name;

COMMENT ON VIEW category_words IS
'words that speak for (weight over 0) or against each category, over all sites';

CREATE OR REPLACE VIEW disagreements AS
WITH first_choices AS (
    SELECT domain, taxonomy, node_id, confidence, classifier, decides
    FROM predictions
    SEMI JOIN newest_sites
        ON newest_sites.run_id = predictions.run_id AND newest_sites.domain = predictions.domain
    WHERE url IS NULL AND rank = 1
),
pairs AS (
    SELECT
        a.domain,
        a.taxonomy,
        a.classifier AS by_a,
        a.node_id AS node_id_a,
        a.confidence AS confidence_a,
        b.classifier AS by_b,
        b.node_id AS node_id_b,
        b.confidence AS confidence_b
    FROM first_choices AS a
    JOIN first_choices AS b
        ON a.domain = b.domain AND a.taxonomy = b.taxonomy
        AND a.classifier < b.classifier AND a.node_id <> b.node_id
    UNION ALL
    SELECT
        labelled.domain,
        labelled.taxonomy,
        'label',
        labelled.node_id,
        1.0,
        machine.classifier,
        machine.node_id,
        machine.confidence
    FROM standing_labels AS labelled
    JOIN first_choices AS machine
        ON machine.domain = labelled.domain AND machine.taxonomy = labelled.taxonomy
    ANTI JOIN labelled_categories AS agreed
        ON agreed.domain = machine.domain AND agreed.taxonomy = machine.taxonomy
        AND agreed.node_id = machine.node_id AND agreed.url IS NULL
    WHERE labelled.url IS NULL AND machine.decides
)
SELECT
    pairs.domain,
    pairs.taxonomy,
    pairs.by_a,
    pairs.node_id_a,
    nodes_a.path AS path_a,
    pairs.confidence_a,
    pairs.by_b,
    pairs.node_id_b,
    nodes_b.path AS path_b,
    pairs.confidence_b
FROM pairs
LEFT JOIN nodes AS nodes_a
    ON nodes_a.taxonomy = pairs.taxonomy AND nodes_a.node_id = pairs.node_id_a
LEFT JOIN nodes AS nodes_b
    ON nodes_b.taxonomy = pairs.taxonomy AND nodes_b.node_id = pairs.node_id_b;

COMMENT ON VIEW disagreements IS
'sites whose first choice differs between two classifiers, or between a person and the machine';

CREATE OR REPLACE VIEW outcomes AS
SELECT
    inputs.run_id,
    inputs.outcome,
    count(*) AS n,
    count(*) / sum(count(*)) OVER (PARTITION BY inputs.run_id) AS share
FROM inputs
JOIN runs USING (run_id)
GROUP BY inputs.run_id, inputs.outcome, runs.sequence
ORDER BY runs.sequence DESC, n DESC, inputs.outcome;

COMMENT ON VIEW outcomes IS 'how the lines of each run ended, newest run first';

CREATE OR REPLACE VIEW changes AS
WITH aged AS (
    SELECT
        domain,
        run_id,
        outcome,
        row_number() OVER (PARTITION BY domain ORDER BY sequence DESC) AS age
    FROM sites JOIN runs USING (run_id)
    WHERE outcome <> 'interrupted'
),
pairs AS (
    SELECT
        after.domain,
        before.run_id AS run_before,
        after.run_id AS run_after,
        before.outcome AS outcome_before,
        after.outcome AS outcome_after
    FROM aged AS after
    JOIN aged AS before ON before.domain = after.domain AND before.age = 2
    WHERE after.age = 1
),
answers AS (
    SELECT run_id, domain, taxonomy, node_id, confidence
    FROM predictions
    WHERE url IS NULL AND asserted AND decides
),
compared AS (
    SELECT
        domain,
        run_before,
        run_after,
        taxonomy,
        node_id,
        max(CASE WHEN answers.run_id = run_before THEN confidence END) AS confidence_before,
        max(CASE WHEN answers.run_id = run_after THEN confidence END) AS confidence_after
    FROM pairs
    JOIN answers USING (domain)
    WHERE answers.run_id IN (run_before, run_after)
    GROUP BY ALL
)
SELECT
    domain,
    'outcome' AS change,
    NULL AS taxonomy,
    NULL AS node_id,
    outcome_before AS before,
    outcome_after AS after,
    NULL::DOUBLE AS confidence_before,
    NULL::DOUBLE AS confidence_after,
    run_before,
    run_after
FROM pairs
WHERE outcome_before <> outcome_after
UNION ALL
SELECT
    compared.domain,
    CASE WHEN compared.confidence_before IS NULL THEN 'gained' ELSE 'lost' END,
    compared.taxonomy,
    compared.node_id,
    CASE WHEN compared.confidence_before IS NOT NULL THEN nodes.path END,
    CASE WHEN compared.confidence_after IS NOT NULL THEN nodes.path END,
    compared.confidence_before,
    compared.confidence_after,
    compared.run_before,
    compared.run_after
FROM compared
LEFT JOIN nodes ON nodes.taxonomy = compared.taxonomy AND nodes.node_id = compared.node_id
WHERE (compared.confidence_before IS NULL) <> (compared.confidence_after IS NULL);

COMMENT ON VIEW changes IS
'what differs between the two newest runs of each site: outcome, categories gained and lost';

CREATE OR REPLACE VIEW openrtb AS
WITH codes AS (SELECT DISTINCT taxonomy, cattax FROM taxonomies WHERE cattax IS NOT NULL)
SELECT
    deepest.domain,
    codes.cattax,
    list(deepest.node_id ORDER BY deepest.confidence DESC, deepest.node_id) AS cat,
    deepest.taxonomy
FROM site_categories AS deepest
JOIN codes USING (taxonomy)
ANTI JOIN site_categories AS below
    ON below.domain = deepest.domain AND below.taxonomy = deepest.taxonomy
    AND below.parent_id = deepest.node_id
GROUP BY deepest.domain, codes.cattax, deepest.taxonomy;

COMMENT ON VIEW openrtb IS
'OpenRTB cat and cattax of each site: its deepest categories, the surest first';

CREATE OR REPLACE MACRO in_category(wanted_category) AS TABLE
WITH wanted AS (
    SELECT taxonomy, node_id
    FROM nodes
    WHERE node_id = wanted_category
        OR lower(name) = lower(wanted_category)
        OR lower(path) = lower(wanted_category)
),
within AS (
    SELECT DISTINCT nodes.taxonomy, nodes.node_id
    FROM nodes
    JOIN wanted ON wanted.taxonomy = nodes.taxonomy
        AND list_contains(nodes.path_ids, wanted.node_id)
)
SELECT site_categories.*
FROM site_categories
JOIN within USING (taxonomy, node_id)
QUALIFY row_number() OVER (
    PARTITION BY site_categories.domain, site_categories.taxonomy
    ORDER BY site_categories.tier DESC, site_categories.confidence DESC, node_id
) = 1
ORDER BY confidence DESC, domain;

COMMENT ON MACRO TABLE in_category IS
'sites in a category or anything below it, by name, path or id: one row a site and taxonomy';

CREATE OR REPLACE MACRO why(wanted_site) AS TABLE
SELECT
    sites.domain,
    sites.outcome,
    sites.detail,
    sites.message,
    categories.taxonomy,
    categories.path,
    categories.confidence,
    categories.decided_by,
    evidence.method,
    evidence.kind,
    evidence.name AS evidence,
    evidence.weight,
    evidence.value,
    evidence.url
FROM newest_sites AS sites
LEFT JOIN site_categories AS categories ON categories.domain = sites.domain
LEFT JOIN attributions AS evidence
    ON evidence.run_id = sites.run_id
    AND evidence.domain = sites.domain
    AND evidence.taxonomy = categories.taxonomy
    AND evidence.node_id = categories.node_id
    AND evidence.classifier = categories.decided_by
WHERE sites.domain IN (
    wanted_site,
    regexp_replace(lower(trim(wanted_site)), '^(https?://)?(www[.])?([^/?#]*).*$', '\3')
)
ORDER BY
    categories.taxonomy, categories.rank NULLS LAST, categories.tier DESC, evidence.method,
    evidence.kind, evidence.position;

COMMENT ON MACRO TABLE why IS
'how a site ended, what it is about and the evidence for it, strongest category first';

CREATE OR REPLACE MACRO iab(wanted_site, wanted_version) AS TABLE
WITH answers AS (
    SELECT *
    FROM site_categories
    WHERE domain IN (
        wanted_site,
        regexp_replace(lower(trim(wanted_site)), '^(https?://)?(www[.])?([^/?#]*).*$', '\3')
    )
),
own AS (SELECT * FROM answers WHERE taxonomy = 'iab-' || wanted_version),
found AS (
    SELECT domain, taxonomy, node_id, coalesce(nullif(relation, ''), 'exact') AS relation,
        confidence, taxonomy AS from_taxonomy, node_id AS from_id
    FROM own
    UNION ALL
    SELECT answers.domain, ways.to_taxonomy, ways.to_id, ways.relation, answers.confidence,
        answers.taxonomy, answers.node_id
    FROM answers
    JOIN crosswalks AS ways
        ON ways.from_taxonomy = answers.taxonomy AND ways.from_id = answers.node_id
    WHERE ways.to_taxonomy = 'iab-' || wanted_version
        AND ways.rank = 1
        AND NOT EXISTS (SELECT 1 FROM own)
)
SELECT
    found.domain,
    found.taxonomy,
    found.node_id,
    nodes.name,
    nodes.path,
    nodes.tier,
    found.confidence,
    found.relation,
    found.from_taxonomy,
    found.from_id
FROM found
LEFT JOIN nodes ON nodes.taxonomy = found.taxonomy AND nodes.node_id = found.node_id
QUALIFY row_number() OVER (
    PARTITION BY found.domain, found.node_id ORDER BY found.confidence DESC, found.from_id
) = 1
ORDER BY found.confidence DESC, nodes.tier DESC, found.node_id;

COMMENT ON MACRO TABLE iab IS
'the categories of a site in another version of the IAB taxonomy (''2.2''), by crosswalk';
