# SPDX-License-Identifier: BSD-2-Clause
# What the rules are made of; each folder is installed as it stands under $(etckodamadir).
rulesdir = $(etckodamadir)/rules.d
dist_rules_DATA = \
	etc/rules.d/apple.rules \
	etc/rules.d/asia.rules \
	etc/rules.d/cable.rules \
	etc/rules.d/comcast.rules \
	etc/rules.d/dnsbl.rules \
	etc/rules.d/domain.rules \
	etc/rules.d/europe.rules \
	etc/rules.d/exchange.rules \
	etc/rules.d/filters.rules \
	etc/rules.d/google.rules \
	etc/rules.d/hosters.rules \
	etc/rules.d/japan.rules \
	etc/rules.d/languages.rules \
	etc/rules.d/languages-europe.rules \
	etc/rules.d/message.rules \
	etc/rules.d/microsoft.rules \
	etc/rules.d/mta.rules \
	etc/rules.d/notices.rules \
	etc/rules.d/recipient.rules \
	etc/rules.d/reply.rules \
	etc/rules.d/sender.rules \
	etc/rules.d/shanon.rules \
	etc/rules.d/status.rules \
	etc/rules.d/submission.rules \
	etc/rules.d/words.rules \
	etc/rules.d/yahoo.rules

advicedir = $(etckodamadir)/advice
dist_advice_DATA = etc/advice/classes.advice etc/advice/providers.advice
dist_etckodama_DATA = etc/providers.conf
EXTRA_DIST += etc/rules.d/DISAGREEMENTS.md tests/bench/accuracy

formatsdir = $(etckodamadir)/formats.d
dist_formats_DATA = etc/formats.d/README etc/formats.d/exim.formats etc/formats.d/filters.formats etc/formats.d/generic.formats \
	etc/formats.d/google.formats etc/formats.d/microsoft.formats etc/formats.d/products.formats etc/formats.d/qmail.formats \
	etc/formats.d/sendmail.formats etc/formats.d/servers.formats

# the operator's once it is there
EXTRA_DIST += etc/kodama.conf
install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(etckodamadir)'
	test -f '$(DESTDIR)$(etckodamadir)/kodama.conf' || \
		$(INSTALL_DATA) -m 640 '$(top_srcdir)/etc/kodama.conf' '$(DESTDIR)$(etckodamadir)/kodama.conf'
uninstall-local:
	cmp -s '$(top_srcdir)/etc/kodama.conf' '$(DESTDIR)$(etckodamadir)/kodama.conf' && \
		rm -f '$(DESTDIR)$(etckodamadir)/kodama.conf' || :
