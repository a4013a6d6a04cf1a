/* SPDX-License-Identifier: BSD-2-Clause */
/* Listening sockets: made by the main thread, before privileges are dropped. */
#include "loop/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { SOCKET_BACKLOG = 1024 };

union endpoint {
	struct sockaddr any;
	struct sockaddr_un un;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static int parse_unix(struct span path, union endpoint *endpoint, socklen_t *ret_size)
{
	if (path.len == 0 || path.ptr[0] != '/' || path.len >= sizeof(endpoint->un.sun_path) || memchr(path.ptr, '\0', path.len))
		return -EINVAL;
	endpoint->un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(endpoint->un.sun_path, path.ptr, path.len);
	*ret_size = sizeof(endpoint->un);
	return 0;
}

/* "port@host"; the host is an address or localhost: names of others would need a resolver at start */
static int parse_inet(struct span text, union endpoint *endpoint, socklen_t *ret_size)
{
	struct span rest = text, port_text = span_take(&rest, '@');
	char host[INET6_ADDRSTRLEN];
	uint64_t port;

	if (span_parse_unsigned(port_text, UINT16_MAX, &port) < 0 || port == 0 || rest.len == 0 || rest.len >= sizeof(host))
		return -EINVAL;
	memcpy(host, rest.ptr, rest.len);
	host[rest.len] = '\0';
	if (strcmp(host, "localhost") == 0)
		snprintf(host, sizeof(host), "127.0.0.1");
	memset(endpoint, 0, sizeof(*endpoint));
	if (inet_pton(AF_INET, host, &endpoint->in.sin_addr) == 1) {
		endpoint->in.sin_family = AF_INET;
		endpoint->in.sin_port = htons((uint16_t)port);
		*ret_size = sizeof(endpoint->in);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &endpoint->in6.sin6_addr) != 1)
		return -EINVAL;
	endpoint->in6.sin6_family = AF_INET6;
	endpoint->in6.sin6_port = htons((uint16_t)port);
	*ret_size = sizeof(endpoint->in6);
	return 0;
}

static int parse_address(struct span address, union endpoint *endpoint, socklen_t *ret_size)
{
	if (span_has_prefix(address, SPAN_LIT("unix:")))
		return parse_unix(span_skip(address, 5), endpoint, ret_size);
	if (span_has_prefix(address, SPAN_LIT("inet:")))
		return parse_inet(span_skip(address, 5), endpoint, ret_size);
	return -EINVAL;
}

int socket_check_address(struct span address)
{
	union endpoint endpoint;
	socklen_t size;

	return parse_address(address, &endpoint, &size);
}

const char *socket_get_path(const char *address)
{
	return strncmp(address, "unix:", 5) == 0 ? address + 5 : NULL;
}

/* --- the place of a unix socket */

static int find_group(const char *name, const char *path, gid_t *ret_group, struct complaint *complaint)
{
	struct group *group;

	*ret_group = (gid_t)-1;
	/* who is not root cannot give a socket away */
	if (!name || !name[0] || geteuid() != 0)
		return 0;
	group = getgrnam(name);
	if (!group) {
		complaint_set(complaint, path, 0, "there is no group %s: the option group beside this socket names the MTA's, or none", name);
		return -EINVAL;
	}
	*ret_group = group->gr_gid;
	return 0;
}

/* Only the last folder is made: /var/spool/postfix/kodama, but never /var/spool/postfix. */
static int make_folder(const char *path, uid_t owner, gid_t group, mode_t mode, struct complaint *complaint)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	if (slash == path || mkdir(folder, 0755) < 0) {
		if (slash == path || errno == EEXIST)
			return 0;
		complaint_set(complaint, folder, 0, "cannot be made: %s", strerror(errno));
		return -errno;
	}
	/* the umask may have taken the x bits that the MTA needs */
	if ((geteuid() == 0 && lchown(folder, owner, group) < 0) || chmod(folder, mode) < 0) {
		complaint_set(complaint, folder, 0, "cannot be given away: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* Does a process answer there? */
static bool is_alive(const union endpoint *endpoint, socklen_t size)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool alive = fd >= 0 && (connect(fd, &endpoint->any, size) == 0 || errno == EAGAIN || errno == EINPROGRESS);

	if (fd >= 0)
		close(fd);
	return alive;
}

/* What a dead process left is taken away; anything but a socket that nobody answers stays, and stops the start. */
static int remove_stale(const char *path, struct complaint *complaint)
{
	union endpoint endpoint;
	struct stat info;
	socklen_t size;

	if (lstat(path, &info) < 0) {
		if (errno == ENOENT)
			return 0;
		complaint_set(complaint, path, 0, "%s", strerror(errno));
		return -errno;
	}
	if (!S_ISSOCK(info.st_mode)) {
		complaint_set(complaint, path, 0, "is there and is no socket");
		return -EEXIST;
	}
	if (parse_unix(span_of(path), &endpoint, &size) == 0 && is_alive(&endpoint, size)) {
		complaint_set(complaint, path, 0, "another process listens there");
		return -EADDRINUSE;
	}
	if (unlink(path) < 0) {
		complaint_set(complaint, path, 0, "cannot be removed: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

static int prepare_path(const char *path, uid_t owner, const char *group, mode_t folder_mode, struct complaint *complaint)
{
	gid_t gid;
	int error = find_group(group, path, &gid, complaint);

	if (error == 0)
		error = make_folder(path, owner, gid, folder_mode, complaint);
	return error < 0 ? error : remove_stale(path, complaint);
}

int socket_prepare_path(const char *path, uid_t owner, const char *group, struct complaint *complaint)
{
	return prepare_path(path, owner, group, 0750, complaint);
}

/* The mode came from the umask at bind(); a link in place of the socket is not followed. */
int socket_finish_path(const char *path, uid_t owner, const char *group, struct complaint *complaint)
{
	gid_t gid;
	int error = find_group(group, path, &gid, complaint);

	if (error < 0)
		return error;
	if (geteuid() == 0 && lchown(path, owner, gid) < 0) {
		complaint_set(complaint, path, 0, "cannot be given away: %s", strerror(errno));
		return -errno;
	}
	return 0;
}

/* --- listening and connecting */

static int bind_and_listen(int fd, const union endpoint *endpoint, socklen_t size, bool is_public)
{
	int one = 1, error;
	mode_t mask;

	if (endpoint->any.sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	mask = umask(is_public ? 0111 : 0117);
	error = bind(fd, &endpoint->any, size) < 0 ? -errno : 0;
	umask(mask);
	if (error == 0 && listen(fd, SOCKET_BACKLOG) < 0)
		error = -errno;
	return error;
}

int socket_listen(const struct socket_options *options, uid_t owner, int *ret_fd, struct complaint *complaint)
{
	const char *path = socket_get_path(options->address);
	union endpoint endpoint;
	socklen_t size;
	int error, fd;

	error = parse_address(span_of(options->address), &endpoint, &size);
	if (error < 0) {
		complaint_set(complaint, "", 0, "%s: no address to listen on", options->address);
		return error;
	}
	error = path ? prepare_path(path, owner, options->group, options->is_public ? 0755 : 0750, complaint) : 0;
	if (error < 0)
		return error;
	fd = socket(endpoint.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	error = fd < 0 ? -errno : bind_and_listen(fd, &endpoint, size, options->is_public);
	if (error < 0)
		complaint_set(complaint, "", 0, "%s: cannot listen: %s", options->address, strerror(-error));
	else if (path)
		error = socket_finish_path(path, owner, options->group, complaint);
	if (error < 0) {
		if (fd >= 0)
			close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}

int socket_connect(const char *address, unsigned timeout_ms, int *ret_fd)
{
	struct timeval timeout = { timeout_ms / 1000, (timeout_ms % 1000) * 1000 };
	union endpoint endpoint;
	socklen_t size;
	int fd, error = parse_address(span_of(address), &endpoint, &size);

	if (error < 0)
		return error;
	fd = socket(endpoint.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, &endpoint.any, size) < 0) {
		error = -errno;
		close(fd);
		return error;
	}
	*ret_fd = fd;
	return 0;
}
