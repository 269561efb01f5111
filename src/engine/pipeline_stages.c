#include "image_judge.h"
#include "pe_sections.h"
#include "pipeline_int.h"

#include "clock.h"

#include <errno.h>

/* What a stage may say, and whether the contents inside of a content go through it as well. A stage that says what it
 * may not is a fault in this house and ends as an error. */
enum stage_says { SAYS_NOTHING = 1, SAYS_CLEAN = 2, SAYS_FOUND = 4, SAYS_REFUSED = 8 };

struct stage {
	enum stage_says (*run)(struct run *run, struct scan_content *c);
	unsigned may; /* end it, by which words */
	bool inner;
};

static enum stage_says stage_administrator(struct run *run, struct scan_content *c);
static enum stage_says stage_image(struct run *run, struct scan_content *c);
static enum stage_says stage_sections(struct run *run, struct scan_content *c);
static enum stage_says stage_gate(struct run *run, struct scan_content *c);
static enum stage_says stage_engines(struct run *run, struct scan_content *c);

/* The cheap and sure ones first. What is allowed or denied by its digest is never parsed: the gate, and the engines
 * behind it, see only what nobody knows. image_judge.h has the order of allow and deny among digests. */
static const struct stage stages[] = {
    {stage_administrator, SAYS_CLEAN, true},
    {stage_image, SAYS_CLEAN | SAYS_FOUND, true},
    {stage_sections, SAYS_FOUND, true},
    {stage_gate, SAYS_REFUSED, false},
    {stage_engines, SAYS_FOUND, true},
};

static const unsigned digest_flags[] = {
    [IMAGE_MD5] = SCAN_HAS_MD5, [IMAGE_SHA1] = SCAN_HAS_SHA1, [IMAGE_SHA256] = SCAN_HAS_SHA256};

/* Computes them; what cannot be computed counts as not looked at. */
static bool digests(struct run *run, struct scan_content *c, unsigned wanted)
{
	int r = content_digest(c, wanted);
	if (r < 0)
		scan_result_missed(run->result, "", r == -ESTALE ? SCAN_CHANGED : SCAN_UNREADABLE);
	return r == 0;
}

static enum stage_says stage_administrator(struct run *run, struct scan_content *c)
{
	if (run->p->allow.n == 0 || !digests(run, c, SCAN_HAS_SHA256))
		return SAYS_NOTHING;
	if (!allow_set_has(&run->p->allow, c->sha256, clock_real_us()))
		return SAYS_NOTHING;
	if (c->depth == 0)
		run->result->allowed_by = SCAN_ALLOWED_ADMINISTRATOR;
	return SAYS_CLEAN;
}

static enum stage_says stage_image(struct run *run, struct scan_content *c)
{
	const struct image *const *images = (const struct image *const *)run->p->images;
	unsigned wanted = 0;
	struct image_find find;

	for (enum image_digest kind = IMAGE_MD5; kind <= IMAGE_SHA256; kind++)
		if (image_judge_needs(images, PIPELINE_IMAGES, kind))
			wanted |= digest_flags[kind];
	if (!wanted || !digests(run, c, wanted))
		return SAYS_NOTHING;
	struct image_digests d = {.size = c->size,
	    .of = {[IMAGE_MD5] = c->digests & SCAN_HAS_MD5 ? c->md5 : NULL,
	        [IMAGE_SHA1] = c->digests & SCAN_HAS_SHA1 ? c->sha1 : NULL,
	        [IMAGE_SHA256] = c->digests & SCAN_HAS_SHA256 ? c->sha256 : NULL}};
	enum image_verdict v = image_judge(images, PIPELINE_IMAGES, &d, &find);
	if (v == IMAGE_UNKNOWN)
		return SAYS_NOTHING;
	if (v == IMAGE_ALLOWED) {
		if (c->depth == 0)
			run->result->allowed_by = find.origin == IMAGE_PACKAGES ? SCAN_ALLOWED_PACKAGE
			                                                        : SCAN_ALLOWED_SIGNATURES;
		return SAYS_CLEAN;
	}
	scan_result_add(run->result, "image", find.name, SCAN_INFECTED, c->depth);
	return SAYS_FOUND;
}

static enum stage_says stage_sections(struct run *run, struct scan_content *c)
{
	char name[MAX_SIGNATURE_NAME + 1];

	if (c->type != CONTENT_PE)
		return SAYS_NOTHING;
	for (size_t i = 0; i < PIPELINE_IMAGES; i++) {
		int r = pe_sections_denied(run->p->images[i], c, name);
		if (r < 0)
			scan_result_missed(run->result, "image", SCAN_UNREADABLE);
		if (r <= 0)
			continue;
		scan_result_add(run->result, "image", name, SCAN_INFECTED, c->depth);
		return SAYS_FOUND;
	}
	return SAYS_NOTHING;
}

static enum stage_says stage_gate(struct run *run, struct scan_content *c)
{
	if (!run->p->gate || c->fd < 0)
		return SAYS_NOTHING;
	if (!digests(run, c, SCAN_HAS_SHA256))
		return SAYS_REFUSED;
	enum scan_reason reason = run->p->gate(run->p->gate_arg, c->sha256);
	if (reason == SCAN_REASON_NONE)
		return SAYS_NOTHING;
	scan_result_missed(run->result, "", reason);
	return SAYS_REFUSED;
}

static bool has_infected(const struct scan_result *r)
{
	return r->n_finds > 0 && r->finds[0].verdict == SCAN_INFECTED;
}

/* What is found inside ends the whole, what is allowed inside is let be. */
static enum inner_answer look_inside(void *arg, struct scan_content *inner)
{
	struct run *run = arg;
	enum stage_says says = SAYS_NOTHING;

	for (size_t i = 0; says == SAYS_NOTHING && i < sizeof stages / sizeof *stages; i++)
		if (stages[i].inner)
			says = stages[i].run(run, inner);
	return says == SAYS_CLEAN ? INNER_SKIP : says == SAYS_FOUND ? INNER_STOP : INNER_GO_ON;
}

/* One that looks suspicious is shown to the other engines too: they may know better what it is. */
static enum stage_says stage_engines(struct run *run, struct scan_content *c)
{
	struct pipeline *p = run->p;

	for (size_t i = 0; i < p->n_engines && !has_infected(run->result); i++) {
		const struct engine *engine = p->engines[i];
		if (c->depth > 0 && engine->unpacks)
			continue; /* it is the one that shows this content */
		if (p->states[i].health == ENGINE_MISSES || p->states[i].health == ENGINE_BROKEN)
			scan_result_missed(run->result, engine->name, SCAN_NO_ENGINE);
		if (p->states[i].health == ENGINE_BROKEN || p->states[i].health == ENGINE_NOT_LOADED)
			continue;
		if (clock_mono_us() > run->how.deadline_us)
			scan_result_missed(run->result, engine->name, SCAN_TIMED_OUT);
		else
			engine->scan(p->loaded[i], c, &run->how, run->result);
	}
	return has_infected(run->result) ? SAYS_FOUND : SAYS_NOTHING;
}

void stages_run(struct run *run, struct scan_content *c)
{
	enum stage_says says = SAYS_NOTHING;

	run->how.inner = look_inside;
	run->how.inner_arg = run;
	for (size_t i = 0; says == SAYS_NOTHING && i < sizeof stages / sizeof *stages; i++) {
		says = stages[i].run(run, c);
		if (says != SAYS_NOTHING && !(stages[i].may & says)) {
			scan_result_missed(run->result, "", SCAN_FAILED);
			return;
		}
	}
	if (says == SAYS_NOTHING && !pipeline_in_force(run->p))
		scan_result_missed(run->result, "", SCAN_NO_ENGINE);
}
