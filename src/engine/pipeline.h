/* The order of the stages, and who may end it: one table (pipeline_stages.c). A pipeline belongs to one process; what
 * it holds after pipeline_load is shared by the workers that are forked from it.
 *
 *   template: pipeline_new, pipeline_load, pipeline_check, fork …
 *   worker:   pipeline_enter (the jail is shut by now), pipeline_scan …
 */
#ifndef PIPELINE_H
#define PIPELINE_H

#include "engine.h"
#include "engine_state.h"

struct pipeline;

struct engine_state {
	const char *name;
	enum engine_health health;
	size_t signatures;
	size_t problems;   /* of the last load: files or rules that are left out */
	char problem[256]; /* the first of them, "" none */
};

/* The engines in the order in which they look; the table lives on. */
int pipeline_new(
    const struct engine *const *engines, size_t n, const struct scan_limits *limits, struct pipeline **ret);
void pipeline_free(struct pipeline *p);

/* Loads a generation: its image (file "image") and what the engines find in it. What does not load is told to `problem`
 * (may be NULL) and in the state; the rest protects. -EINVAL when neither image nor any engine could be loaded. */
int pipeline_load(struct pipeline *p, int signatures, engine_problem_fn *problem, void *arg, struct err *e);

/* Only another image, from its descriptor, -1 for none: the engines stay. The old image stands when the new one is
 * refused. The image of packages belongs to the computer and is no part of a generation. */
enum pipeline_image { PIPELINE_SIGNATURES, PIPELINE_PACKAGES, PIPELINE_IMAGES };
int pipeline_set_image(struct pipeline *p, enum pipeline_image which, int fd, struct err *e);

/* The administrator's allow list, as agent/act keeps it: the file's descriptor (read and forgotten), -1 for none.
 * -EBADMSG: the file is broken; the old list stands. */
int pipeline_set_allow(struct pipeline *p, int fd);

void pipeline_set_limits(struct pipeline *p, const struct scan_limits *limits);

/* Where this process may put temporary files: an absolute path of a folder that only it uses; NULL: there is none, and
 * the engines that need one say so. -ENAMETOOLONG. */
int pipeline_enter(struct pipeline *p, const char *temporary);

/* Asked once for each content that pipeline_scan is given (not for what comes out of it), when its digest is known and
 * before any engine parses it: SCAN_REASON_NONE to go on, else it is not scanned for this reason. NULL: nobody is
 * asked.
 */
typedef enum scan_reason pipeline_gate_fn(void *arg, const uint8_t sha256[SHA256_BYTES]);
void pipeline_set_gate(struct pipeline *p, pipeline_gate_fn *gate, void *arg);

/* Scans what the descriptor holds (its offset is not used and not moved; the descriptor stays the caller's). */
void pipeline_scan(struct pipeline *p, int fd, struct scan_result *ret);

/* Has each engine look at its planted content, as it stands and through all stages. True when all that are loaded
 * found it. Needs pipeline_enter before. */
bool pipeline_check(struct pipeline *p);

size_t pipeline_states(const struct pipeline *p, const struct engine_state **ret);
int64_t pipeline_generation(const struct pipeline *p);
int32_t pipeline_day(const struct pipeline *p);

#endif
