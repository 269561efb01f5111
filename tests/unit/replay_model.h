/* A naive model of the ledger, written without looking at how the ledger does it: time is a row of half days, what is
 * known is built by replaying the log of statements, each of which overwrites the half days that it speaks about. */
#ifndef REPLAY_MODEL_H
#define REPLAY_MODEL_H

#include <stdbool.h>
#include <stddef.h>

enum { DAYS = 16, SLOTS = 2 * DAYS }; /* slot 2d: from 0:00 of day d; slot 2d+1: from 12:00 */
enum { GROUPS = 2, UNITS = 5, NODES = 1 + GROUPS + UNITS, MACHINES = 6, DOCUMENTS = 6, CODES = 6, POOL = 60 };
enum { PROVINCE = 0, FIRST_GROUP = 1, FIRST_UNIT = 1 + GROUPS };

enum said_kind { SAID_NODE, SAID_INSTALLED, SAID_PLACE, SAID_DOCUMENT, SAID_DECLARED, SAID_POLICY };

struct said {
	enum said_kind kind;
	int recorded; /* slot */
	int subject;
	int from, to;             /* slots; a document: from alone */
	bool present;             /* node, document, declared, policy; installed */
	int parent, code;         /* node */
	int node, overruled;      /* place */
	int giver, taker, amount; /* document; giver -1: the pool */
	int value, locked;        /* declared: computers; policy: days */
};

/* What is known, slot by slot. */
struct known {
	struct {
		bool stated, present;
		int parent, code, declared, days, locked; /* declared -1, days 0: nothing said */
	} node[NODES][SLOTS];
	struct {
		bool exists, installed;
		int node, overruled;
	} machine[MACHINES][SLOTS];
	struct {
		bool present;
		int from, giver, taker, amount;
	} document[DOCUMENTS];
};

void known_begin(struct known *k);
void known_add(struct known *k, const struct said *s);

int known_nearest(const struct known *k, int node, int slot); /* present */
bool known_tree_is_sound(const struct known *k, int from);
bool known_licences_are_sound(const struct known *k);
int known_balance(const struct known *k, int node, int slot, bool *ret_named);
int known_days(const struct known *k, int node, int slot, bool *ret_locked); /* of "active" */

struct model_row {
	int node; /* -1: end of the rows */
	bool misnamed, has_allocation, existing_known;
	int installed, active, allocated, existing, within;
};
struct model_figures {
	bool group_present[GROUPS];
	int n_rows[GROUPS];
	struct model_row row[GROUPS][UNITS + 1];
	int unplaced, installed, active, allocated, within;
};
/* heard[m][d]: the machine was heard at noon of day d. */
void model_count(
    const struct known *k, const bool heard[MACHINES][DAYS], int slot, int known_slot, struct model_figures *ret);

#endif
