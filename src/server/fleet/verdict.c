#include "verdict.h"

static const struct {
	const char *code;
	int status;
} verdicts[VERDICT_END] = {
    [VERDICT_OK] = {0, 200},
    [VERDICT_TOKEN] = {"token", 401},
    [VERDICT_EXPIRED] = {"expired", 401},
    [VERDICT_REVOKED] = {"revoked", 403},
    [VERDICT_STREAM] = {"stream", 403},
    [VERDICT_CLONE] = {"clone", 409},
    [VERDICT_SYNC_FIRST] = {"sync-first", 409},
    [VERDICT_GAP] = {"gap", 409},
    [VERDICT_FORK] = {"fork", 409},
};

const char *verdict_code(enum verdict v)
{
	return verdicts[v].code;
}

int verdict_status(enum verdict v)
{
	return verdicts[v].status;
}
