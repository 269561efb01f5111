/* What a sync says in both directions (PROTOCOL.md, POST /agent/v1/sync). Texts and lists are owned by whoever made the
 * struct (a message, an arena, sync_down_release). */
#ifndef SYNC_H
#define SYNC_H

#include "allow_list.h"
#include "bounds.h"
#include "hardware.h"
#include "ids.h"
#include "state.h"
#include "task.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sync_stream {
	id16 id;
	int64_t last; /* the last number written in it */
};

struct sync_up {
	bool has_branch; /* false: the first sync after an enrolment */
	id16 branch;
	int64_t counter;
	id16 nonce;
	id16 install_id;
	id16 hardware_hash;
	const struct hardware *hardware; /* NULL: not sent; normalized */
	id16 state_hash;
	const struct agent_state *state; /* NULL: not sent */
	const char *state_text;          /* the same as the canonical JSON that came; NULL: not sent */
	int64_t policy_version;
	char policy_hash[ID_TEXT]; /* "" none yet */
	bool knows_allowances;     /* an agent of before they were there is told none */
	char allow_hash[ID_TEXT];  /* "" none */
	int64_t anchors_version, task_seen;
	char epoch[ID_TEXT]; /* "" none yet */
	size_t n_streams;
	struct sync_stream streams[MAX_SYNC_STREAMS];
	int64_t sent_us;
};

/* Trust anchors by purpose ("agents-ca", "updates", …), one version for all. */
struct anchors {
	int64_t version;
	size_t n;
	struct {
		char *purpose, *body;
	} v[MAX_ANCHORS];
};

struct sync_mark {
	id16 id;
	int64_t hwm;
	uint8_t hwm_id[8];
};

struct sync_task {
	struct task task;
	char *args; /* JSON object */
};

enum sync_need { NEED_STATE = 1, NEED_HARDWARE = 2 };

struct sync_down {
	int64_t server_time_us;
	char epoch[ID_TEXT];
	id16 branch;
	int64_t counter;
	unsigned need;     /* enum sync_need, or'ed */
	char *policy_json; /* the settings for agents; NULL: nothing new */
	int64_t policy_version;
	char policy_hash[ID_TEXT];
	struct allow_list *allow; /* NULL: nothing new; one block */
	struct anchors *anchors;  /* NULL: nothing new */
	size_t n_tasks;
	struct sync_task tasks[MAX_TASKS_ANSWER];
	size_t n_streams; /* those of the sync, in its order; hwm 0 for one that the centre has not heard of */
	struct sync_mark streams[MAX_SYNC_STREAMS];
	int64_t next_s;
};

void anchors_release(struct anchors *a);     /* what it owns, not itself */
void sync_down_release(struct sync_down *d); /* the same; anchors are freed whole */

#endif
