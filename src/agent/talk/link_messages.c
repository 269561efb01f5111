#include "link_messages.h"

#include "str.h"

#include <errno.h>

void link_put_policy(struct buf *m, const struct link_policy *v)
{
	ipc_put_i64(m, v->version);
	ipc_put_fixed(m, v->hash, sizeof v->hash);
	ipc_put_u8(m, (uint8_t)v->n);
	for (size_t i = 0; i < v->n; i++) {
		ipc_put_u8(m, (uint8_t)v->set[i].id);
		ipc_put_i64(m, v->set[i].value);
	}
}

void link_get_policy(struct ipc_reader *r, struct link_policy *ret)
{
	*ret = (struct link_policy){.version = ipc_get_i64(r)};
	ipc_get_fixed(r, ret->hash, sizeof ret->hash);
	ret->n = ipc_get_enum(r, SETTING_COUNT + 1);
	for (size_t i = 0; i < ret->n; i++) {
		ret->set[i].id = ipc_get_enum(r, SETTING_COUNT);
		ret->set[i].value = ipc_get_i64(r);
	}
}

void link_put_allow(struct buf *m, const struct allow_list *v)
{
	ipc_put_text(m, v->hash);
	ipc_put_u32(m, (uint32_t)v->n);
	for (size_t i = 0; i < v->n; i++) {
		ipc_put_fixed(m, v->v[i].sha256, SHA256_BYTES);
		ipc_put_i64(m, v->v[i].until_us);
		ipc_put_text(m, v->v[i].reason);
	}
}

void link_get_allow(struct ipc_reader *r, struct allowance room[MAX_ALLOWANCES], struct allow_list *ret)
{
	*ret = (struct allow_list){.v = room};
	str_copy(ret->hash, sizeof ret->hash, ipc_get_text(r, ID_TEXT - 1));
	uint32_t n = ipc_get_u32(r);
	if (n > MAX_ALLOWANCES)
		r->error = -EBADMSG;
	for (uint32_t i = 0; !r->error && i < n; i++) {
		ipc_get_fixed(r, room[i].sha256, SHA256_BYTES);
		room[i].until_us = ipc_get_i64(r);
		room[i].reason = ipc_get_text(r, MAX_ALLOW_REASON);
	}
	ret->n = r->error ? 0 : n;
}

void link_put_begin(struct buf *m, const struct link_begin *v)
{
	ipc_put_bool(m, v->enrolled);
	ipc_put_fixed(m, v->start_id, sizeof v->start_id);
	ipc_put_id(m, v->install_id);
	ipc_put_id(m, v->machine);
	ipc_put_text(m, v->server);
	ipc_put_text(m, v->agents_server);
	ipc_put_i64(m, v->spool_max_bytes);
	link_put_policy(m, &v->policy);
	ipc_put_fixed(m, v->allow_hash, sizeof v->allow_hash);
}

void link_get_begin(struct ipc_reader *r, struct link_begin *ret)
{
	ret->enrolled = ipc_get_bool(r);
	ipc_get_fixed(r, ret->start_id, sizeof ret->start_id);
	ret->install_id = ipc_get_id(r);
	ret->machine = ipc_get_id(r);
	ret->server = ipc_get_text(r, LINK_MAX_URL);
	ret->agents_server = ipc_get_text(r, LINK_MAX_URL);
	ret->spool_max_bytes = ipc_get_i64(r);
	link_get_policy(r, &ret->policy);
	ipc_get_fixed(r, ret->allow_hash, sizeof ret->allow_hash);
}

void link_put_enrol(struct buf *m, const struct link_enrol *v)
{
	ipc_put_text(m, v->server);
	ipc_put_text(m, v->agents_server);
	ipc_put_fixed(m, v->token_id, sizeof v->token_id);
	ipc_put_fixed(m, v->pin, sizeof v->pin);
	ipc_put_fixed(m, v->seal_key, sizeof v->seal_key);
}

void link_get_enrol(struct ipc_reader *r, struct link_enrol *ret)
{
	ret->server = ipc_get_text(r, LINK_MAX_URL);
	ret->agents_server = ipc_get_text(r, LINK_MAX_URL);
	ipc_get_fixed(r, ret->token_id, sizeof ret->token_id);
	ipc_get_fixed(r, ret->pin, sizeof ret->pin);
	ipc_get_fixed(r, ret->seal_key, sizeof ret->seal_key);
}

void link_put_proof(struct buf *m, const struct link_proof *v)
{
	ipc_put_bool(m, v->given);
	ipc_put_fixed(m, v->proof, sizeof v->proof);
}

void link_get_proof(struct ipc_reader *r, struct link_proof *ret)
{
	ret->given = ipc_get_bool(r);
	ipc_get_fixed(r, ret->proof, sizeof ret->proof);
}

void link_put_enrolled(struct buf *m, const struct link_enrolled *v)
{
	ipc_put_id(m, v->machine);
	ipc_put_bytes(m, v->sealed, v->sealed_n);
	ipc_put_fixed(m, v->confirm, sizeof v->confirm);
}

void link_get_enrolled(struct ipc_reader *r, struct link_enrolled *ret)
{
	ret->machine = ipc_get_id(r);
	ret->sealed = ipc_get_bytes(r, LINK_MAX_SEALED, &ret->sealed_n);
	ipc_get_fixed(r, ret->confirm, sizeof ret->confirm);
}

void link_put_ready(struct buf *m, const struct link_ready *v)
{
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		ipc_put_u8(m, v->sandbox[i]);
	ipc_put_i64(m, v->spool_missing);
	ipc_put_i64(m, v->spool_torn_bytes);
	ipc_put_bool(m, v->has_certificate);
}

void link_get_ready(struct ipc_reader *r, struct link_ready *ret)
{
	for (size_t i = 0; i < SANDBOX_MECHANISM_COUNT; i++)
		ret->sandbox[i] = (uint8_t)ipc_get_enum(r, SANDBOX_MISSING + 1);
	ret->spool_missing = ipc_get_i64(r);
	ret->spool_torn_bytes = ipc_get_i64(r);
	ret->has_certificate = ipc_get_bool(r);
}

void link_put_status(struct buf *m, const struct link_status *v)
{
	ipc_put_i64(m, v->last_sync_us);
	ipc_put_i64(m, v->certificate_until_us);
	ipc_put_i64(m, v->waiting);
	ipc_put_i64(m, v->oldest_waiting_us);
	ipc_put_i64(m, v->spool_bytes);
	ipc_put_bool(m, v->spool_failed);
	ipc_put_text(m, v->last_error);
}

void link_get_status(struct ipc_reader *r, struct link_status *ret)
{
	ret->last_sync_us = ipc_get_i64(r);
	ret->certificate_until_us = ipc_get_i64(r);
	ret->waiting = ipc_get_i64(r);
	ret->oldest_waiting_us = ipc_get_i64(r);
	ret->spool_bytes = ipc_get_i64(r);
	ret->spool_failed = ipc_get_bool(r);
	ret->last_error = ipc_get_text(r, LINK_MAX_PLAIN);
}
