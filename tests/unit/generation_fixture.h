/* A generation of signatures on the disk, and contents to scan, for tests of engines. */
#ifndef GENERATION_FIXTURE_H
#define GENERATION_FIXTURE_H

#include "image_build.h"
#include "pipeline.h"

struct generation {
	char path[64];      /* the folder of all */
	char temporary[96]; /* for unpacking */
	int signatures;     /* the folder of the generation */
	int folder;
	size_t problems; /* told at the last load */
	char problem[512];
};

void generation_open(struct generation *g);
void generation_close(struct generation *g);

/* A file below the generation ("body/a.ndb"); folders are made as needed. */
void generation_put(struct generation *g, const char *path, const void *p, size_t n);
void generation_text(struct generation *g, const char *path, const char *text);
void generation_image(struct generation *g, const struct image_entry *entries, size_t n);

/* A pipeline of these engines over the generation, entered. */
struct pipeline *generation_load(struct generation *g, const struct engine *const *engines, size_t n);

/* Scans bytes by way of a file. */
struct scan_result generation_scan(struct generation *g, struct pipeline *p, const void *bytes, size_t n);
struct scan_result generation_scan_file(struct pipeline *p, const char *path);

const struct engine_state *generation_state(const struct pipeline *p, const char *engine);

#endif
