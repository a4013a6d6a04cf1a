# SPDX-License-Identifier: BSD-2-Clause
EXTRA_DIST += systemd/kodamad.service.in
CLEANFILES += systemd/kodamad.service
systemdsystemunit_DATA = systemd/kodamad.service

systemd/kodamad.service: $(srcdir)/systemd/kodamad.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) systemd && sed -e 's|@sbindir[@]|$(sbindir)|g' -e 's|@bindir[@]|$(bindir)|g' $(srcdir)/systemd/kodamad.service.in >$@.new && mv $@.new $@
