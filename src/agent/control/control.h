/* The client of khien-agent's control socket, for root's programs on the same computer: `khien enrol`, `khien status`,
 * `khien detection add`, or a hook of another product that found something.
 *
 * One request at a time on one struct control. 0 or a negative errno; -ENOENT and -ECONNREFUSED: no agent runs,
 * -EACCES: not root, -EPIPE and -ETIMEDOUT: no answer came, so that nothing is known about what was asked. `e` (may be
 * NULL) gets a text for a person. */
#ifndef CONTROL_H
#define CONTROL_H

#include "allow_set.h"
#include "err.h"
#include "event.h"
#include "ids.h"
#include "quarantine_item.h"
#include "scan_result.h"
#include "sweep_messages.h"

#include <stddef.h>
#include <stdint.h>

#define CONTROL_SOCKET_NAME "control.sock" /* in the agent's state folder */

struct control;

int control_open(const char *socket_path, struct control **ret, struct err *e);
void control_free(struct control *c);

/* Enrols this computer and waits until the centre has answered (timeout_ms; 60000 is sensible). `server` is the
 * enrolment listener, "https://centre.example:7441"; `agents_server` the agents' one, "" for the same host and the next
 * port. `token` is the text that the centre gave out; the caller read it from a file or standard input. Repeating it
 * after a lost answer is harmless. -EACCES: the centre refused the token; -EALREADY: enrolled already (then the token
 * was not used). */
int control_enrol(struct control *c, const char *server, const char *agents_server, const char *token, int timeout_ms,
    id16 *ret_machine, struct err *e);

/* Plain facts about the agent, in a sensible order. The list lives until the next call on `c`. Names are stable and
 * meant for scripts too: "agent" (version), "state" ("not enrolled", "enrolled", "revoked", "clone"), "server",
 * "machine", "install id", "link" ("running", "restarting"), "last sync" (ISO instant or "never"), "last error",
 * "policy version", "sync interval", "waiting events", "oldest waiting", "certificate until", "sandbox" (each mechanism
 * and whether it is in force), "problems". */
struct control_fact {
	const char *name, *value;
};
int control_status(struct control *c, const struct control_fact **ret, size_t *ret_n, struct err *e);

/* Hands a detection in. 0: it is on the disk, synced, and will reach the centre exactly once: the receipt names its
 * place. A repetition with the same id gets the same receipt (as long as fewer than 1000 others came between), so a
 * caller that got no answer may ask again; whoever does not ask again has it delivered at most once. -ENOSPC: the spool
 * is full, nothing was taken. */
struct control_receipt {
	id16 stream;
	int64_t seq;
};
int control_add_detection(struct control *c, const uint8_t id[8], int64_t at_us, const struct detection *d,
    struct control_receipt *ret, struct err *e);

/* Scans, and tells the watcher as it goes on, until the end (0, *ret_end, ret_why: CONTROL_MAX_FACT bytes), a refusal,
 * or until a watcher's function returns something else than 0, which is returned: the scan is interrupted then, and can
 * be gone on with. What the watcher is given lives until it returns. -ENODEV: no engine. -EBUSY: another scan. */
struct control_scan {
	enum scan_extent extent;
	bool resume, report_only;
	size_t n_paths; /* SCAN_CUSTOM */
	const char *const *paths;
};
struct control_watcher {
	int (*progress)(void *arg, const struct sweep_progress *p);
	int (*found)(void *arg, const struct sweep_found *f);
	int (*missed)(void *arg, enum scan_reason reason, const char *path, size_t path_n);
	int (*idle)(void *arg); /* at least ten times a second */
	void *arg;
};
int control_scan(struct control *c, const struct control_scan *scan, const struct control_watcher *w,
    enum scan_end *ret_end, char *ret_why, struct err *e);
/* What is in quarantine, oldest first, until fn returns something else than 0, which is returned. What it is given
 * lives until it returns. */
int control_quarantine_list(
    struct control *c, int (*fn)(void *arg, const struct quarantine_item *item), void *arg, struct err *e);
/* act/quarantine.h says what comes back. elsewhere: an absolute path, or NULL. allow, if not NULL: the content is put
 * on the allow list first (until_us and reason; the rest is the agent's affair), else the next scan finds it again. */
int control_quarantine_restore(
    struct control *c, id16 id, const char *elsewhere, const struct allow_item *allow, struct err *e);
int control_quarantine_delete(struct control *c, id16 id, struct err *e);

/* This computer's own allow list; what the centre allows is not in it. */
int control_allow_list(
    struct control *c, int (*fn)(void *arg, const struct allow_item *item), void *arg, struct err *e);
int control_allow_add(struct control *c, const struct allow_item *item, struct err *e);
int control_allow_remove(struct control *c, const uint8_t sha256[SHA256_BYTES], struct err *e);

/* Syncs now and delivers what waits; comes back when that is done or has failed. */
int control_sync(struct control *c, int timeout_ms, struct err *e);

/* Says goodbye to the centre and forgets the enrolment; what waits in the spool is delivered first. */
int control_goodbye(struct control *c, int timeout_ms, struct err *e);

/* Has one open file scanned. 0: *ret says how that ended. -EAGAIN: too much waits already; -ENOENT: no scanner. */
int control_scan_file(struct control *c, int fd, int timeout_ms, struct scan_result *ret, struct err *e);

/* Tells the agent that other signatures are on the disk, and waits until they are in force. -EINVAL: they cannot be
 * used, the old ones stay. */
int control_signatures(struct control *c, int timeout_ms, struct err *e);

#endif
