/* What the centre allows on this computer: its list, kept as it was told, whole. The file: the message below and
 * BLAKE2b-128 over it. One that is broken counts as none, and the centre, which hears that, tells the list anew. */
#include "parent_int.h"
#include "file.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char file_name[] = "allow-centre";
enum { FILE_TYPE = 1, SUM = 16 };

/* Reads what a message or the file holds; *ret is one block. */
static int take(struct ipc_reader *r, struct allow_list **ret)
{
	struct allowance *room = calloc(MAX_ALLOWANCES, sizeof *room);
	struct allow_list list;
	if (!room)
		return -ENOMEM;
	link_get_allow(r, room, &list);
	int k = ipc_end(r);
	if (!k && allow_list_fault(&list))
		k = -EINVAL;
	struct allow_list *copy = k ? NULL : allow_list_new(&list);
	free(room);
	if (!k && !copy)
		k = -ENOMEM;
	if (!k)
		*ret = copy;
	return k;
}

static int save(struct parent *p, const struct allow_list *list)
{
	struct buf b = BUF_INIT(MAX_IPC_MESSAGE + SUM);
	unsigned char sum[SUM];
	ipc_begin(&b, FILE_TYPE);
	link_put_allow(&b, list);
	crypto_generichash(sum, sizeof sum, (unsigned char *)b.p, b.n, NULL, 0);
	buf_add(&b, sum, sizeof sum);
	int r = b.error ? b.error : file_replace(p->state_folder, file_name, b.p, b.n, 0600);
	buf_release(&b);
	return r;
}

static int parse(const struct buf *b, struct allow_list **ret)
{
	struct ipc_reader r;
	uint16_t type;
	unsigned char sum[SUM];
	if (b->n < SUM || ipc_open(&r, b->p, b->n - SUM, &type) || type != FILE_TYPE)
		return -EBADMSG;
	crypto_generichash(sum, sizeof sum, (unsigned char *)b->p, b->n - SUM, NULL, 0);
	return memcmp(sum, b->p + b->n - SUM, SUM) == 0 ? take(&r, ret) : -EBADMSG;
}

void parent_allow_load(struct parent *p)
{
	struct buf b = BUF_INIT(MAX_IPC_MESSAGE + SUM);
	int r = file_read(p->state_folder, file_name, &b);
	if (!r)
		r = parse(&b, &p->allow);
	if (r && r != -ENOENT)
		log_warn("the centre's allow list is unreadable: nothing of it holds until it is told anew", "error",
		    strerror(-r), NULL);
	buf_release(&b);
}

void parent_allow_forget(struct parent *p)
{
	unlinkat(p->state_folder, file_name, 0);
	free(p->allow);
	p->allow = NULL;
	parent_allow_publish(p);
}

void parent_allow_hash(const struct parent *p, uint8_t dst[ID_BYTES])
{
	memset(dst, 0, ID_BYTES);
	if (p->allow && p->allow->hash[0] && hex_decode(dst, ID_BYTES, p->allow->hash))
		memset(dst, 0, ID_BYTES);
}

static void put_in_force(struct parent *p, struct allow_list *list)
{
	int r = save(p, list);
	if (r) {
		log_error("the centre's allow list cannot be written down", "error", strerror(-r), NULL);
		free(list);
		return;
	}
	free(p->allow);
	p->allow = list;
	log_info("the centre's allow list", "entries", log_num((int64_t)list->n), NULL);
	parent_allow_publish(p);
}

int parent_answer_allow(struct parent *p, struct ipc_reader *r)
{
	struct allow_list *list = NULL;
	uint8_t hash[ID_BYTES];
	int k = take(r, &list);
	if (k == -EBADMSG)
		return k;
	if (!k && p->identity.standing == STANDING_ENROLLED)
		put_in_force(p, list);
	else
		free(list);
	parent_allow_hash(p, hash);
	ipc_begin(&p->out, LINK_ALLOW_FORCE);
	ipc_put_fixed(&p->out, hash, sizeof hash);
	parent_link_send(p, &p->out);
	return 0;
}
