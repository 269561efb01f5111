#ifndef PIPELINE_INT_H
#define PIPELINE_INT_H

#include "allow_set.h"
#include "buf.h"
#include "image.h"
#include "pipeline.h"

struct pipeline {
	size_t n_engines;
	const struct engine *engines[MAX_ENGINES];
	void *loaded[MAX_ENGINES];
	struct engine_state states[MAX_ENGINES];
	struct scan_limits limits;
	struct image *images[PIPELINE_IMAGES];
	struct buf allow_bytes;
	struct allow_set allow;
	pipeline_gate_fn *gate;
	void *gate_arg;
	struct content_memory memory;
	char temporary[256];
};

/* One run through the stages: the outer content and all that is unpacked from it. */
struct run {
	struct pipeline *p;
	struct engine_scan how;
	struct scan_result *result;
};

/* Runs the stages over a content. Not settled. */
void stages_run(struct run *run, struct scan_content *c);

/* Whether anything would notice malware: an engine that works, or an image that denies. */
bool pipeline_in_force(const struct pipeline *p);

#endif
