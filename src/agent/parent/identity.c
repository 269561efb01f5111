#include "agent_identity.h"
#include "file.h"
#include "rnd.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static const char file_name[] = "identity";
enum { FILE_TYPE = 1, MAX_FILE = 8192, SUM = 16 };

void identity_renew_install_id(struct identity *id)
{
	rnd_bytes(id->install_id.b, ID_BYTES);
	crypto_box_keypair(id->seal_public, id->seal_secret);
}

void identity_wipe(struct identity *id)
{
	sodium_memzero(id, sizeof *id);
}

/* The file: the message below and BLAKE2b-128 over it. Reader: parse. */
int identity_save(int folder, const struct identity *id)
{
	struct buf b = BUF_INIT(MAX_FILE);
	unsigned char sum[SUM];
	buf_reserve(&b, MAX_FILE / 2); /* once, so that no copy of a secret is left behind by growing */
	ipc_begin(&b, FILE_TYPE);
	ipc_put_id(&b, id->install_id);
	ipc_put_fixed(&b, id->seal_public, sizeof id->seal_public);
	ipc_put_fixed(&b, id->seal_secret, sizeof id->seal_secret);
	ipc_put_u8(&b, (uint8_t)id->standing);
	ipc_put_id(&b, id->machine);
	ipc_put_fixed(&b, id->machine_secret, sizeof id->machine_secret);
	ipc_put_text(&b, id->server);
	ipc_put_text(&b, id->agents_server);
	link_put_policy(&b, &id->policy);
	crypto_generichash(sum, sizeof sum, (unsigned char *)b.p, b.n, NULL, 0);
	buf_add(&b, sum, sizeof sum);
	int r = b.error ? b.error : file_replace(folder, file_name, b.p, b.n, 0600);
	buf_wipe(&b);
	return r;
}

static int parse(const struct buf *b, struct identity *id)
{
	struct ipc_reader r;
	uint16_t type;
	unsigned char sum[SUM];
	if (b->n < SUM || ipc_open(&r, b->p, b->n - SUM, &type) || type != FILE_TYPE)
		return -EBADMSG;
	crypto_generichash(sum, sizeof sum, (unsigned char *)b->p, b->n - SUM, NULL, 0);
	if (memcmp(sum, b->p + b->n - SUM, SUM) != 0)
		return -EBADMSG;
	id->install_id = ipc_get_id(&r);
	ipc_get_fixed(&r, id->seal_public, sizeof id->seal_public);
	ipc_get_fixed(&r, id->seal_secret, sizeof id->seal_secret);
	id->standing = ipc_get_enum(&r, STANDING_END);
	id->machine = ipc_get_id(&r);
	ipc_get_fixed(&r, id->machine_secret, sizeof id->machine_secret);
	str_copy(id->server, sizeof id->server, ipc_get_text(&r, LINK_MAX_URL));
	str_copy(id->agents_server, sizeof id->agents_server, ipc_get_text(&r, LINK_MAX_URL));
	link_get_policy(&r, &id->policy);
	return ipc_end(&r);
}

static int make_new(int folder, struct identity *ret)
{
	struct identity id = {.standing = STANDING_NEW};
	identity_renew_install_id(&id);
	int r = identity_save(folder, &id);
	if (!r)
		*ret = id;
	identity_wipe(&id);
	return r;
}

int identity_load(int folder, struct identity *ret)
{
	struct buf b = BUF_INIT(MAX_FILE);
	struct identity id = {0};
	buf_reserve(&b, MAX_FILE);
	int r = file_read(folder, file_name, &b);
	if (!r)
		r = parse(&b, &id);
	buf_wipe(&b);
	if (r == -ENOENT)
		return make_new(folder, ret);
	if (!r)
		*ret = id;
	identity_wipe(&id);
	return r;
}

const char *identity_standing_name(enum identity_standing s)
{
	static const char *const names[STANDING_END] = {
	    [STANDING_NEW] = "not enrolled",
	    [STANDING_ENROLLED] = "enrolled",
	    [STANDING_CLONE] = "clone",
	    [STANDING_REVOKED] = "revoked",
	};
	return (unsigned)s < STANDING_END ? names[s] : "unknown";
}
