#include "pool_messages.h"
#include "str.h"

#include <errno.h>
#include <string.h>

/* Texts of a worker are a stranger's: bounded and UTF-8 by ipc_get_text. */
static void get_text(struct ipc_reader *r, char *dst, size_t size)
{
	if (str_copy(dst, size, ipc_get_text(r, size - 1)))
		r->error = -EBADMSG;
}

static void put_find(struct buf *m, const struct scan_find *f)
{
	ipc_put_text(m, f->engine);
	ipc_put_text(m, f->name);
	ipc_put_u8(m, (uint8_t)f->verdict);
	ipc_put_u32(m, f->depth);
}

static void get_find(struct ipc_reader *r, struct scan_find *ret)
{
	get_text(r, ret->engine, sizeof ret->engine);
	get_text(r, ret->name, sizeof ret->name);
	ret->verdict = ipc_get_enum(r, SCAN_VERDICT_COUNT);
	ret->depth = ipc_get_u32(r);
	if (ret->verdict != SCAN_INFECTED && ret->verdict != SCAN_SUSPICIOUS)
		r->error = -EBADMSG;
}

void pool_put_result(struct buf *m, const struct scan_result *v)
{
	ipc_put_u8(m, (uint8_t)v->verdict);
	ipc_put_u8(m, (uint8_t)v->reason);
	ipc_put_text(m, v->reason_engine);
	ipc_put_u8(m, (uint8_t)v->allowed_by);
	ipc_put_u8(m, (uint8_t)v->n_finds);
	for (size_t i = 0; i < v->n_finds; i++)
		put_find(m, &v->finds[i]);
	ipc_put_text(m, v->type);
	ipc_put_i64(m, v->size);
	ipc_put_u8(m, (uint8_t)v->digests);
	ipc_put_fixed(m, v->md5, sizeof v->md5);
	ipc_put_fixed(m, v->sha1, sizeof v->sha1);
	ipc_put_fixed(m, v->sha256, sizeof v->sha256);
	ipc_put_i64(m, v->generation);
}

/* A result must not say two things at once: clean and a find, clean and something not looked at. */
static bool is_sound(const struct scan_result *v)
{
	bool has_find = v->verdict == SCAN_INFECTED || v->verdict == SCAN_SUSPICIOUS;
	if (has_find != (v->n_finds > 0) || v->size < 0)
		return false;
	return v->verdict != SCAN_CLEAN || v->reason == SCAN_REASON_NONE;
}

void pool_get_result(struct ipc_reader *r, struct scan_result *ret)
{
	*ret = (struct scan_result){.verdict = ipc_get_enum(r, SCAN_VERDICT_COUNT)};
	ret->reason = ipc_get_enum(r, SCAN_REASON_COUNT);
	get_text(r, ret->reason_engine, sizeof ret->reason_engine);
	ret->allowed_by = ipc_get_enum(r, SCAN_ALLOWED_COUNT);
	ret->n_finds = ipc_get_enum(r, MAX_SCAN_FINDS + 1);
	for (size_t i = 0; i < ret->n_finds; i++)
		get_find(r, &ret->finds[i]);
	get_text(r, ret->type, sizeof ret->type);
	ret->size = ipc_get_i64(r);
	ret->digests = ipc_get_enum(r, 2 * SCAN_HAS_SHA256);
	ipc_get_fixed(r, ret->md5, sizeof ret->md5);
	ipc_get_fixed(r, ret->sha1, sizeof ret->sha1);
	ipc_get_fixed(r, ret->sha256, sizeof ret->sha256);
	ret->generation = ipc_get_i64(r);
	if (!is_sound(ret))
		r->error = -EBADMSG;
}

void pool_put_engines(struct buf *m, const struct engine_states *v)
{
	ipc_put_i64(m, v->generation);
	ipc_put_i64(m, v->day);
	ipc_put_bool(m, v->all_found);
	ipc_put_u8(m, (uint8_t)v->n);
	for (size_t i = 0; i < v->n; i++) {
		ipc_put_text(m, v->v[i].name);
		ipc_put_u8(m, (uint8_t)v->v[i].health);
		ipc_put_i64(m, (int64_t)v->v[i].signatures);
		ipc_put_i64(m, (int64_t)v->v[i].problems);
		ipc_put_text(m, v->v[i].problem);
	}
}

static size_t get_count(struct ipc_reader *r)
{
	int64_t v = ipc_get_i64(r);
	if (v < 0 || v > INT32_MAX)
		r->error = -EBADMSG;
	return r->error ? 0 : (size_t)v;
}

void pool_get_engines(struct ipc_reader *r, struct engine_states *ret)
{
	*ret = (struct engine_states){.generation = ipc_get_i64(r)};
	ret->day = (int32_t)get_count(r);
	ret->all_found = ipc_get_bool(r);
	ret->n = ipc_get_enum(r, MAX_ENGINES + 1);
	for (size_t i = 0; i < ret->n; i++) {
		struct engine_report *s = &ret->v[i];
		get_text(r, s->name, sizeof s->name);
		s->health = ipc_get_enum(r, ENGINE_HEALTH_COUNT);
		s->signatures = get_count(r);
		s->problems = get_count(r);
		get_text(r, s->problem, sizeof s->problem);
	}
}

void pool_put_up(struct buf *m, const struct pool_up *v)
{
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		ipc_put_u8(m, v->sandbox[i]);
	ipc_put_i64(m, v->landlock_abi);
	pool_put_engines(m, &v->engines);
}

void pool_get_up(struct ipc_reader *r, struct pool_up *ret)
{
	*ret = (struct pool_up){0};
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		ret->sandbox[i] = (uint8_t)ipc_get_enum(r, SANDBOX_MISSING + 1);
	ret->landlock_abi = ipc_get_i64(r);
	pool_get_engines(r, &ret->engines);
}
