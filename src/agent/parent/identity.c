#include "agent_identity.h"
#include "bounds.h"
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

/* On the disk a setting has its name: its number is another one in another version, and an upgrade must not make one
 * setting out of another. A policy that does not fit this version in everything has its hash forgotten, so that the
 * centre sends it anew. */
static void put_policy(struct buf *b, const struct link_policy *v)
{
	ipc_put_i64(b, v->version);
	ipc_put_fixed(b, v->hash, sizeof v->hash);
	ipc_put_u32(b, (uint32_t)v->n);
	for (size_t i = 0; i < v->n; i++) {
		ipc_put_text(b, setting_defs[v->set[i].id].name);
		ipc_put_i64(b, v->set[i].value);
	}
}

static bool take_setting(struct link_policy *p, const char *name, int64_t value)
{
	enum setting_id id;
	if (p->n >= SETTING_COUNT || setting_find(name, &id) || value < setting_defs[id].min ||
	    value > setting_defs[id].max)
		return false;
	p->set[p->n].id = id;
	p->set[p->n++].value = value;
	return true;
}

static void get_policy(struct ipc_reader *r, struct link_policy *ret)
{
	struct link_policy p = {.version = ipc_get_i64(r)};
	bool fits = true;
	ipc_get_fixed(r, p.hash, sizeof p.hash);
	uint32_t n = ipc_get_u32(r);
	for (uint32_t i = 0; i < n && !r->error; i++) {
		const char *name = ipc_get_text(r, MAX_SHORT_TEXT);
		fits &= take_setting(&p, name, ipc_get_i64(r));
	}
	if (!fits)
		memset(p.hash, 0, sizeof p.hash);
	*ret = p;
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
	put_policy(&b, &id->policy);
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
	get_policy(&r, &id->policy);
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
