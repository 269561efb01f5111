#include "desk.h"

#include "clock.h"
#include "identity_int.h"
#include "moment.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* The last entry that says anything about tree, rules, policy or allowances. An entry that is undone gives its revision
 * back to the next one: only together with its hash it names what was said. */
struct word {
	int64_t rev; /* 0: none is to be relied on */
	uint8_t hash[SHA256_BYTES];
};

struct desk {
	pthread_mutex_t lock;
	struct word word;
	int64_t from, until; /* the moments that what is loaded is true of: no statement begins or ends between them */
	struct tree *tree;
	struct naming *rules;
	struct policy_table *policy;
	struct allow_table *allow;
};

int desk_new(struct desk **ret)
{
	struct desk *d = calloc(1, sizeof *d);
	if (!d)
		return -ENOMEM;
	pthread_mutex_init(&d->lock, NULL);
	*ret = d;
	return 0;
}

static void forget(struct desk *d)
{
	allow_table_free(d->allow);
	policy_table_free(d->policy);
	d->allow = NULL;
	naming_free(d->rules);
	tree_free(d->tree);
	d->policy = NULL;
	d->rules = NULL;
	d->tree = NULL;
	d->word = (struct word){0};
}

void desk_free(struct desk *d)
{
	if (!d)
		return;
	forget(d);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

#define LAST_WORD                                                                                                      \
	"(select max(rev) from (select max(rev) as rev from policy_fact union all select max(rev) from node_fact"      \
	" union all select max(rev) from rule_fact union all select max(rev) from allow_fact) as said)"

int desk_last_word(struct db *db, int64_t *ret_rev)
{
	return db_row(db, "select " LAST_WORD, "", "i", ret_rev);
}

static int word_now(struct db *db, struct word *ret)
{
	*ret = (struct word){0};
	int r = db_row(
	    db, "select rev, hash from audit where rev = " LAST_WORD, "", "ib", &ret->rev, ret->hash, sizeof ret->hash);
	/* it is the entry that this very job is writing, and more may be said in it */
	return r == -ENOENT ? 0 : r;
}

static int load_span(struct desk *d, struct db *db, int64_t at)
{
	return db_row(db,
	    "with moment(t) as (select valid_from from node_fact union select valid_to from node_fact"
	    " union select valid_from from rule_fact union select valid_to from rule_fact"
	    " union select valid_from from policy_fact union select valid_to from policy_fact"
	    " union select valid_from from allow_fact union select valid_to from allow_fact)"
	    " select max(case when t <= $1 then t end), min(case when t > $1 then t end) from moment",
	    "i", at, "ii", &d->from, &d->until);
}

static int load(struct desk *d, struct db *db, const struct word *word, int64_t at)
{
	const struct as_of moment = {.at = at, .rev = INT64_MAX, .known_at = TIME_END};
	forget(d);
	int r = load_span(d, db, at);
	if (r == 0)
		r = tree_load(db, &moment, &d->tree);
	if (r == 0)
		r = naming_load(db, &moment, &d->rules);
	if (r == 0)
		r = policy_table_load(db, &moment, d->tree, &d->policy);
	if (r == 0)
		r = allow_table_load(db, &moment, d->tree, &d->allow);
	if (r)
		forget(d);
	else
		d->word = *word;
	return r;
}

static bool holds(const struct desk *d, const struct word *now, int64_t at)
{
	return now->rev != 0 && now->rev == d->word.rev && memcmp(now->hash, d->word.hash, sizeof now->hash) == 0 &&
	       d->from <= at && at < d->until;
}

int desk_open(struct desk *d, struct db *db, int64_t at, struct desk_view *ret)
{
	struct word now;
	pthread_mutex_lock(&d->lock);
	int r = word_now(db, &now);
	if (r == 0 && !holds(d, &now, at))
		r = load(d, db, &now, at);
	if (r)
		pthread_mutex_unlock(&d->lock);
	else
		*ret = (struct desk_view){d->tree, d->rules, d->policy, d->allow};
	return r;
}

void desk_shut(struct desk *d)
{
	pthread_mutex_unlock(&d->lock);
}

/* The desk, open, and where the machine hangs. */
static int open_for(struct desk *d, struct db *db, int64_t machine_id, struct desk_view *ret, int64_t *ret_node)
{
	struct as_of now;
	int r = moment_now(db, &now);
	if (r == 0)
		r = machine_node(db, machine_id, ret_node);
	return r ? r : desk_open(d, db, now.at, ret);
}

int desk_policy(struct desk *d, struct db *db, int64_t machine_id, struct policy *ret)
{
	struct desk_view view;
	int64_t node_id;
	int r = open_for(d, db, machine_id, &view, &node_id);
	if (r)
		return r;
	policy_effective(view.policy, node_id, ret);
	desk_shut(d);
	return 0;
}

int desk_allow(struct desk *d, struct db *db, int64_t machine_id, struct allow_list **ret)
{
	struct desk_view view;
	int64_t node_id;
	int r = open_for(d, db, machine_id, &view, &node_id);
	if (r)
		return r;
	r = allow_effective(view.allow, node_id, machine_id, ret);
	desk_shut(d);
	return r;
}
