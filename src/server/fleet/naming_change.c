#include "array.h"
#include "clock.h"
#include "machine_place.h"
#include "machine_set.h"
#include "moment.h"
#include "naming.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int check_rule(const struct tree *t, const struct naming_rule *rule, struct err *e)
{
	bool names_unit;
	int r = naming_check_pattern(rule->pattern, &names_unit, e);
	if (r)
		return r;
	if (names_unit && rule->node_id != 0)
		return err_set(e, -EINVAL, "the pattern has a group `unit`, so that the rule can name no node");
	if (!names_unit && tree_present(t, rule->node_id) == NULL)
		return err_set(e, rule->node_id ? -ENOENT : -EINVAL,
		    "the pattern has no group `unit`, and the rule names no node");
	return 0;
}

/* Rules as they are, as they would be, and what they speak about. */
struct trial_run {
	struct as_of now;
	struct tree *tree;
	struct naming *before, *after;
	struct machine_set *machines;
	struct token_node *tokens;
	size_t n_tokens;
};

static void run_release(struct trial_run *run)
{
	naming_free(run->before);
	naming_free(run->after);
	machine_set_free(run->machines);
	free(run->tokens);
	tree_free(run->tree);
}

static int check_change(struct trial_run *run, const struct naming_rule *rule, bool remove, struct err *e)
{
	bool known = rule->rule_id == 0;
	for (size_t i = 0; i < naming_count(run->before) && !known; i++)
		known = naming_rule_at(run->before, i)->rule_id == rule->rule_id;
	if (!known)
		return err_set(e, -ENOENT, "there is no rule %lld", (long long)rule->rule_id);
	if (!remove && rule->rule_id == 0 && naming_count(run->before) >= MAX_NAMING_RULES)
		return err_set(e, -ENOSPC, "there are %d rules, the maximum", MAX_NAMING_RULES);
	return remove ? 0 : check_rule(run->tree, rule, e);
}

static int run_load(struct db *db, const struct as_of *now, const struct naming_rule *rule, bool remove,
    struct trial_run *run, struct err *e)
{
	*run = (struct trial_run){.now = *now};
	int r = tree_load(db, now, &run->tree);
	if (r == 0)
		r = naming_load(db, now, &run->before);
	if (r == 0)
		r = naming_load(db, now, &run->after);
	if (r == 0)
		r = check_change(run, rule, remove, e);
	if (r == 0)
		r = naming_put(run->after, rule, remove, e);
	if (r == 0)
		r = machine_set_load(db, now, 0, INT64_MAX, SET_TEXTS, &run->machines);
	if (r == 0)
		r = place_token_nodes(db, &run->tokens, &run->n_tokens);
	if (r)
		run_release(run);
	return r;
}

static int tell(const struct naming_trial *trial, const struct naming_move *m)
{
	return trial->fn ? trial->fn(trial->arg, m) : 0;
}

static int try_machine(
    struct trial_run *run, const struct naming_trial *trial, const struct machine_facts *m, int64_t *moved)
{
	struct place p;
	if (m->basis == PLACE_OVERRULED)
		return 0;
	int r = place_decide(
	    run->after, run->tree, m->name, place_token_of(run->tokens, run->n_tokens, m->machine_id), &p);
	if (r || p.node_id == m->node_id)
		return r;
	++*moved;
	return tell(trial,
	    &(struct naming_move){
	        .uid = m->uid, .name = m->name, .from_node = m->node_id, .to_node = p.node_id, .reason = p.reason});
}

static int try_name(struct trial_run *run, const struct naming_trial *trial, const char *name)
{
	struct place before, after;
	int r = place_decide(run->before, run->tree, name, 0, &before);
	if (r == 0)
		r = place_decide(run->after, run->tree, name, 0, &after);
	return r ? r
	         : tell(trial, &(struct naming_move){.uid = "",
	                           .name = name,
	                           .from_node = before.node_id,
	                           .to_node = after.node_id,
	                           .reason = after.reason});
}

int naming_try(struct db *db, const struct scope *scope, const struct naming_trial *trial, int64_t *ret_tried,
    int64_t *ret_moved, struct err *e)
{
	struct trial_run run;
	struct as_of now;
	int64_t tried = 0, moved = 0;
	int r = moment_now(db, &now);
	if (r == 0)
		r = run_load(db, &now, trial->rule, trial->remove, &run, e);
	if (r)
		return r;
	for (size_t i = 0; r == 0 && i < trial->n_names; i++)
		r = try_name(&run, trial, trial->names[i]);
	for (size_t i = 0; r == 0 && i < run.machines->n; i++) {
		const struct machine_facts *m = &run.machines->m[i];
		if (!scope_covers(scope, run.tree, m->node_id))
			continue;
		tried++;
		r = try_machine(&run, trial, m, &moved);
	}
	run_release(&run);
	if (r == 0) {
		*ret_tried = tried;
		*ret_moved = moved;
	}
	return r;
}

/* A pattern that reaches its limits on a name that is there, or on long names of the kinds that such patterns choke on,
 * would do so on each sync to come. */
static int check_limits(struct trial_run *run, struct err *e)
{
	static const char *const kinds[] = {"a", "A1", "a-", "0"};
	char name[MAX_HOST_NAME + 1];
	struct naming_match m;
	for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		size_t length = strlen(kinds[k]);
		for (size_t i = 0; i < MAX_HOST_NAME - 1; i++)
			name[i] = kinds[k][i % length];
		memcpy(name + MAX_HOST_NAME - 1, "!", 2);
		int r = naming_match(run->after, run->tree, name, &m);
		if (r == 0 && m.outcome == NAMING_LIMIT)
			r = err_set(e, -EINVAL, "the pattern takes too long on a long name that does not fit it");
		if (r)
			return r;
	}
	for (size_t i = 0; i < run->machines->n; i++) {
		int r = naming_match(run->after, run->tree, run->machines->m[i].name, &m);
		if (r == 0 && m.outcome == NAMING_LIMIT)
			r = err_set(
			    e, -EINVAL, "the pattern takes too long on the name \"%s\"", run->machines->m[i].name);
		if (r)
			return r;
	}
	return 0;
}

static int insert_rule(struct db *db, const struct ledger_entry *l, const struct naming_rule *rule, bool remove,
    int64_t *ret_id, struct err *e)
{
	char note[MAX_TEXT + 1];
	int64_t id = rule->rule_id;
	int r = text_nfc(note, sizeof note, rule->note ? rule->note : "");
	if (r)
		return err_set(e, -EINVAL, "the note is no text of at most %d bytes", MAX_TEXT);
	if (id == 0)
		r = db_row(db, "insert into naming_rule(rev) values ($1) returning id", "i", l->rev, "i", &id);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into rule_fact(rule_id, valid_from, valid_to, rev, present, priority, pattern, node_id, "
		    "note)"
		    " values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
		    "iiiiiitit", id, l->recorded_at, TIME_END, l->rev, (int64_t)!remove, rule->priority,
		    rule->pattern ? rule->pattern : "", rule->node_id, note);
	if (r == 0)
		*ret_id = id;
	return r;
}

int naming_state(struct db *db, const struct ledger_entry *l, const struct naming_rule *rule, bool remove,
    int64_t *ret_id, int64_t *ret_moved, struct err *e)
{
	const struct as_of now = {.at = l->recorded_at, .rev = INT64_MAX, .known_at = TIME_END};
	struct trial_run run;
	int64_t id = 0;
	int r = run_load(db, &now, rule, remove, &run, e);
	if (r)
		return r;
	if (!remove)
		r = check_limits(&run, e);
	run_release(&run);
	if (r == 0)
		r = insert_rule(db, l, rule, remove, &id, e);
	if (r == 0)
		r = machine_place_all(db, l, ret_moved);
	if (r == 0 && ret_id)
		*ret_id = id;
	return r;
}
