#include "scan_result.h"

#include "str.h"

#include <string.h>

static const char *const verdict_names[SCAN_VERDICT_COUNT] = {
    [SCAN_ERROR] = "error",
    [SCAN_CLEAN] = "clean",
    [SCAN_INFECTED] = "infected",
    [SCAN_SUSPICIOUS] = "suspicious",
    [SCAN_NOT_SCANNED] = "not scanned",
};
static const char *const reason_names[SCAN_REASON_COUNT] = {
    [SCAN_REASON_NONE] = "",
    [SCAN_CRASHED] = "crashed",
    [SCAN_TIMED_OUT] = "timed out",
    [SCAN_LIMITS] = "limits exceeded",
    [SCAN_ENCRYPTED] = "encrypted",
    [SCAN_TOO_BIG] = "too big",
    [SCAN_NOT_REGULAR] = "not a regular file",
    [SCAN_NO_ENGINE] = "no engine",
    [SCAN_UNREADABLE] = "unreadable",
    [SCAN_CHANGED] = "changed meanwhile",
    [SCAN_NO_SPACE] = "no temporary space",
    [SCAN_FAILED] = "engine failed",
    [SCAN_BUSY] = "busy",
    [SCAN_STOPPED] = "stopped",
};
static const char *const allowed_names[SCAN_ALLOWED_COUNT] = {
    [SCAN_ALLOWED_NOT] = "",
    [SCAN_ALLOWED_ADMINISTRATOR] = "administrator",
    [SCAN_ALLOWED_SIGNATURES] = "signatures",
    [SCAN_ALLOWED_PACKAGE] = "package",
};

const char *scan_verdict_name(enum scan_verdict v)
{
	return (unsigned)v < SCAN_VERDICT_COUNT ? verdict_names[v] : "error";
}

const char *scan_reason_name(enum scan_reason r)
{
	return (unsigned)r < SCAN_REASON_COUNT ? reason_names[r] : "";
}

const char *scan_allowed_name(enum scan_allowed a)
{
	return (unsigned)a < SCAN_ALLOWED_COUNT ? allowed_names[a] : "";
}

static void copy_clean(char *dst, size_t size, const char *src)
{
	size_t n = strnlen(src, size - 1);
	for (size_t i = 0; i < n; i++)
		dst[i] = (unsigned char)src[i] < ' ' || src[i] == 0x7f ? '?' : src[i];
	while (n > 0 && !utf8_valid(dst, n)) /* a name cut within a character, or not UTF-8 at all */
		n--;
	dst[n] = 0;
	if (n == 0)
		(void)str_copy(dst, size, "unnamed");
}

static int weight(enum scan_verdict v)
{
	return v == SCAN_INFECTED ? 2 : v == SCAN_SUSPICIOUS;
}

void scan_result_add(struct scan_result *r, const char *engine, const char *name, enum scan_verdict v, uint32_t depth)
{
	struct scan_find f = {.verdict = v, .depth = depth};
	size_t at = 0;

	copy_clean(f.engine, sizeof f.engine, engine);
	copy_clean(f.name, sizeof f.name, name);
	while (at < r->n_finds && weight(r->finds[at].verdict) >= weight(v))
		at++;
	if (at < MAX_SCAN_FINDS) {
		size_t kept = r->n_finds < MAX_SCAN_FINDS ? r->n_finds : MAX_SCAN_FINDS - 1;
		memmove(&r->finds[at + 1], &r->finds[at], (kept - at) * sizeof f);
		r->finds[at] = f;
		r->n_finds = kept + 1;
	}
	r->verdict = r->finds[0].verdict;
}

void scan_result_missed(struct scan_result *r, const char *engine, enum scan_reason reason)
{
	if (r->reason != SCAN_REASON_NONE)
		return;
	r->reason = reason;
	if (str_copy(r->reason_engine, sizeof r->reason_engine, engine) < 0)
		r->reason_engine[0] = 0;
}

void scan_result_settle(struct scan_result *r)
{
	if (r->n_finds > 0)
		r->verdict = r->finds[0].verdict;
	else
		r->verdict = r->reason == SCAN_REASON_NONE ? SCAN_CLEAN : SCAN_NOT_SCANNED;
}
