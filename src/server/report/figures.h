/* The figures of reporting.md, as of a moment, as known then. Counted from the machines, never typed in.
 *
 * A row is a unit directly below a group; what hangs on units below it counts in it, what hangs on a unit that is not
 * present at that moment counts on the nearest present node above. Machines on a group are that group's row of misnamed
 * machines, machines on the province the row of the province alone. A scope that is not everything sees the rows of its
 * own subtrees (the highest units in it), and totals over those.
 *
 * active      heard on one of the last N days, the day asked about included; N is the setting report.active_days in
 * force then for the node where the machine hung protected   active, and: engine ready, on-access on (no setting waives
 * it yet), signatures at most 15 days old; or another product on with signatures at most 15 days old existing    the
 * row's own declaration, else the sum over the units directly below when every one is known; else unknown within
 * min(installed, allocated) of each unit, summed Licences that a unit has which is no row (dissolved since) count as
 * allocated to no unit. */
#ifndef FIGURES_H
#define FIGURES_H

#include "buf.h"
#include "machine.h"
#include "moment.h"

#include <jansson.h>

/* An exact fraction; den 0: there is no rate. */
struct rate {
	int64_t num, den;
};
int rate_compare(struct rate a, struct rate b); /* -1, 0, 1; no rate is below every rate */
enum { RATE_TEXT = 32, NUMBER_TEXT = 32 };
void rate_text(struct rate r, char dst[RATE_TEXT]); /* "96,7%", half up; "" for no rate */
void number_text(int64_t n, char dst[NUMBER_TEXT]); /* "1.177" */

struct figure_counts {
	int64_t installed, active, silent, protected_now;
	int64_t within;      /* licences in use within the allocations */
	bool has_allocation; /* false: blank */
	int64_t allocated;
	bool existing_known; /* false: some unit that counts here has not declared */
	int64_t existing;    /* over those that have */
	int64_t undeclared;  /* units that have not */
};
struct rate figure_rate_installed(const struct figure_counts *c);
struct rate figure_rate_within(const struct figure_counts *c);
struct rate figure_rate_protected(const struct figure_counts *c);

enum figure_row_kind { ROW_UNIT, ROW_MISNAMED };
struct figure_row {
	enum figure_row_kind kind;
	int64_t node_id;  /* the unit; the group for its misnamed machines */
	size_t own_order; /* its place in the units' own order */
	char *code, *name;
	struct figure_counts counts;
};
struct figure_group {
	int64_t node_id;
	char *code, *name;
	size_t n_rows;
	struct figure_row
	    *rows; /* by rate of installation, highest first; no rate: behind, in the units' own order; misnamed last */
	struct figure_counts total;
};
struct figure_pool {
	bool told;           /* everything is in scope and no group was asked for */
	bool exists;         /* some pool is in force */
	int64_t quantity;    /* over the pools in force */
	int64_t unallocated; /* quantity less the rows' allocations */
};
struct figures {
	struct as_of at;
	int32_t day;
	bool simulation;
	char *province;
	size_t n_groups;
	struct figure_group *groups;
	bool has_unplaced; /* the province's own row */
	struct figure_counts unplaced;
	struct figure_counts total;
	struct figure_pool pool;
	struct rate against_pool; /* total.installed / pool.quantity */
};

struct figure_question {
	struct as_of at;
	const char *group; /* code; NULL: all. -ENOENT with the reason when it is not there */
};
int figures_make(
    struct db *db, const struct scope *scope, const struct figure_question *q, struct figures **ret, struct err *e);
void figures_free(struct figures *f);

/* The machines behind a figure: as many as the number says. */
enum figure_part { PART_INSTALLED, PART_ACTIVE, PART_SILENT, PART_PROTECTED };
int figure_part_find(const char *name, enum figure_part *ret); /* "installed", …; -ENOENT */
struct figure_machine {
	char uid[MACHINE_UID_TEXT];
	char *name;
	int64_t node_id; /* where it hung */
	char *node_code, *node_name;
	enum place_basis basis;
	char *reason;     /* why there */
	int64_t since;    /* of the presence statement in force */
	int32_t last_day; /* heard on, up to the moment; -1 never */
	bool active, protected_now;
};
struct figure_machines {
	size_t n;
	struct figure_machine *machines; /* by folded name, then uid */
};
struct figure_machine_question {
	struct as_of at;
	const char *node; /* code of a unit (its row), a group (its total); NULL: the whole in scope */
	bool misnamed;    /* with a group or NULL (the province): only its row of misnamed machines */
	enum figure_part part;
};
int figures_machines(struct db *db, const struct scope *scope, const struct figure_machine_question *q,
    struct figure_machines **ret, struct err *e);
void figure_machines_free(struct figure_machines *m);

/* Writers. Text is for people, in Vietnamese; CSV has a line a row, whole numbers without marks; JSON is for programs.
 * CSV cells that a a formula are prefixed by an apostrophe. The caller's buffer bounds them: -EMSGSIZE. */
int figures_text(const struct figures *f, struct buf *b);
int figures_csv(const struct figures *f, struct buf *b);
int figures_json(const struct figures *f, json_t **ret);
int figure_machines_text(const struct figure_machines *m, struct buf *b);
int figure_machines_csv(const struct figure_machines *m, struct buf *b);
int figure_machines_json(const struct figure_machines *m, json_t **ret);

#endif
