/* SPDX-License-Identifier: BSD-2-Clause */
/* Running a program.  One thread. */
#include "cli/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where the MTA's programs are, beside what an operator's PATH has. */
#define PROGRAM_PATH "/usr/sbin:/usr/local/sbin:/usr/lib:/usr/bin:/bin"

/* A file that holds the input: no program can keep us waiting by not reading. */
static int make_input(struct span input)
{
	if (!input.len)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("input", MFD_CLOEXEC);
	size_t at = 0;
	while (fd >= 0 && at < input.len) {
		ssize_t wrote = write(fd, input.ptr + at, input.len - at);
		if (wrote <= 0) {
			close(fd);
			return -1;
		}
		at += (size_t)wrote;
	}
	if (fd >= 0)
		(void)lseek(fd, 0, SEEK_SET);
	return fd;
}

static void become(const char *const *argv, int in, int out)
{
	char path[4096];
	const char *own = getenv("PATH");

	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
		_exit(126);
	snprintf(path, sizeof(path), "%s%s%s", own ? own : "", own && own[0] ? ":" : "", PROGRAM_PATH);
	setenv("PATH", path, 1);
	execvp(argv[0], (char *const *)(uintptr_t)argv);
	_exit(errno == ENOENT ? 127 : 126);
}

static void read_all(int fd, struct buffer *out)
{
	char piece[8192];
	ssize_t got;

	while ((got = read(fd, piece, sizeof(piece))) > 0 || (got < 0 && errno == EINTR))
		if (got > 0 && out)
			buffer_add(out, span_make(piece, (size_t)got));
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFSIGNALED(status))
		return 128 + WTERMSIG(status);
	return WEXITSTATUS(status) == 127 ? -ENOENT : WEXITSTATUS(status);
}

int program_run(const char *const *argv, struct span input, struct buffer *out)
{
	int ends[2], in = make_input(input), result;

	if (in < 0)
		return -errno;
	if (pipe2(ends, O_CLOEXEC) < 0) {
		result = -errno;
		close(in);
		return result;
	}
	fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		become(argv, in, ends[1]);
	result = -errno;
	close(in);
	close(ends[1]);
	if (pid > 0) {
		read_all(ends[0], out);
		result = wait_for(pid);
	}
	close(ends[0]);
	return result;
}
