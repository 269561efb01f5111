#include "cert.h"

#include "clock.h"
#include "identity_int.h"

#include <stdlib.h>

/* What was signed for this key before, unless it is itself due for renewal. */
static int signed_before(struct db *db, const struct caller *c, const struct agent_call *call,
    const uint8_t key_hash[SHA256_BYTES], char **ret_pem)
{
	int r = db_row(db,
	    "select pem from cert where install_id = $1 and key_hash = $2 and serial <> $3 and not_before / 2 + "
	    "not_after / 2 > $4"
	    " order by not_after desc limit 1",
	    "ibbi", c->install_id, key_hash, (size_t)SHA256_BYTES, call->serial, call->serial_n, clock_real_us(), "t",
	    ret_pem);
	return r == -ENOENT ? 0 : r;
}

int cert_renew_decide(struct db *db, const struct agent_call *call, const id16 *install_id,
    const uint8_t key_hash[SHA256_BYTES], struct renew_answer *ret)
{
	struct change ch = CHANGE_INIT(NULL);
	struct caller c;
	(void)install_id; /* what the agent calls itself is evidence for people, not a credential */
	free(ret->certificate);
	*ret = (struct renew_answer){.verdict = VERDICT_REVOKED};
	int r = cert_caller(db, call->serial, call->serial_n, &c);
	if (r)
		return r == -ENOENT ? 0 : r;
	if (c.status == INSTALL_SUPERSEDED)
		r = install_speaks_again(db, &ch, call, &c, NULL);
	if (r == 0)
		r = change_close(db, &ch, call, c.machine_id);
	if (r == 0 && c.status == INSTALL_VALID) {
		ret->verdict = VERDICT_OK;
		memcpy(ret->machine, c.machine, sizeof ret->machine);
		r = signed_before(db, &c, call, key_hash, &ret->certificate);
	}
	change_release(&ch);
	return r;
}

int cert_renew_finish(struct db *db, const struct agent_call *call, const struct cert_info *info)
{
	struct change ch = CHANGE_INIT(NULL);
	struct detail d = DETAIL_INIT;
	struct caller c;
	int r = cert_caller(db, call->serial, call->serial_n, &c);
	if (r)
		return r;
	detail_int(&d, "not_after_us", info->not_after);
	detail_hex(&d, "serial", info->serial, info->serial_n);
	r = change_note(db, &ch, "machine.renew", &d);
	if (r == 0)
		r = db_exec(db, NULL,
		    "insert into cert(serial, install_id, key_hash, not_before, not_after, pem) values ($1, $2, $3, "
		    "$4, $5, $6)",
		    "bibiit", info->serial, info->serial_n, c.install_id, info->key_hash, (size_t)SHA256_BYTES,
		    info->not_before, info->not_after, info->pem);
	if (r == 0)
		r = change_close(db, &ch, call, c.machine_id);
	detail_release(&d);
	change_release(&ch);
	return r;
}
