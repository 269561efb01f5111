#include "http_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

static char *bio_text(BIO *b)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);
	char *s = strndup(p, (size_t)n);
	BIO_free(b);
	return s;
}

static void extend(X509 *x, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX c;
	X509V3_set_ctx(&c, issuer, x, NULL, NULL, 0);
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

void party_make(struct party *p, const char *name, const struct party *issuer, long from_s, long until_s)
{
	uint64_t serial;
	RAND_bytes((unsigned char *)&serial, sizeof serial);
	p->key = EVP_EC_gen("P-256");
	p->cert = X509_new();
	X509_set_version(p->cert, 2);
	ASN1_INTEGER_set_uint64(X509_get_serialNumber(p->cert), serial >> 1);
	X509_gmtime_adj(X509_getm_notBefore(p->cert), from_s);
	X509_gmtime_adj(X509_getm_notAfter(p->cert), until_s);
	X509_set_pubkey(p->cert, p->key);
	X509_NAME *n = X509_get_subject_name(p->cert);
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(p->cert, issuer ? X509_get_subject_name(issuer->cert) : n);
	X509 *by = issuer ? issuer->cert : p->cert;
	extend(p->cert, by, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
	if (issuer)
		extend(p->cert, by, NID_subject_alt_name, "IP:127.0.0.1");
	X509_sign(p->cert, issuer ? issuer->key : p->key, EVP_sha256());
	BIO *b = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(b, p->cert);
	p->cert_pem = bio_text(b);
	b = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(b, p->key, NULL, NULL, 0, NULL, NULL);
	p->key_pem = bio_text(b);
	unsigned char *der = NULL;
	int der_n = i2d_PUBKEY(p->key, &der);
	EVP_Digest(der, (size_t)der_n, p->key_hash, NULL, EVP_sha256(), NULL);
	OPENSSL_free(der);
}

void party_free(struct party *p)
{
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
	free(p->key_pem);
	free(p->cert_pem);
}

int client_open(struct client *c, uint16_t port, const struct party *ca, const struct party *who)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int one = 1;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	c->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	X509_STORE_add_cert(SSL_CTX_get_cert_store(c->ctx), ca->cert);
	if (who) {
		SSL_CTX_use_certificate(c->ctx, who->cert);
		SSL_CTX_use_PrivateKey(c->ctx, who->key);
	}
	c->ssl = SSL_new(c->ctx);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(c->fd, (struct sockaddr *)&a, sizeof a))
		return -errno;
	SSL_set_fd(c->ssl, c->fd);
	return SSL_connect(c->ssl) == 1 ? 0 : -EPROTO;
}

void client_close(struct client *c)
{
	SSL_shutdown(c->ssl);
	client_vanish(c);
}

void client_vanish(struct client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

int client_send_n(struct client *c, const void *p, size_t n)
{
	return SSL_write(c->ssl, p, (int)n) == (int)n ? 0 : -EPIPE;
}

int client_send(struct client *c, const char *text)
{
	return client_send_n(c, text, strlen(text));
}

static int read_some(struct client *c, int ms, char *p, size_t n)
{
	struct pollfd f = {.fd = c->fd, .events = POLLIN};
	if (!SSL_has_pending(c->ssl) && poll(&f, 1, ms) <= 0)
		return -1;
	int r = SSL_read(c->ssl, p, (int)n);
	return r > 0 ? r : 0;
}

int client_answer(struct client *c, int ms, char *body, size_t size)
{
	char head[4096];
	size_t n = 0, length = 0;
	int status = 0;
	while (n < 4 || memcmp(head + n - 4, "\r\n\r\n", 4)) {
		int r = n + 1 < sizeof head ? read_some(c, ms, head + n, 1) : 0;
		if (r <= 0)
			return r;
		n++;
	}
	head[n] = 0;
	const char *l = strstr(head, "Content-Length: ");
	if (sscanf(head, "HTTP/1.1 %d", &status) != 1 || (l && sscanf(l, "Content-Length: %zu", &length) != 1))
		return 0;
	for (size_t got = 0; got < length; got++) {
		char b;
		int r = read_some(c, ms, &b, 1);
		if (r <= 0)
			return r;
		if (body && got + 1 < size) {
			body[got] = b;
			body[got + 1] = 0;
		}
	}
	return status;
}

bool client_closed(struct client *c, int ms)
{
	char b;
	return read_some(c, ms, &b, 1) == 0;
}
