divert(-1)dnl
dnl SPDX-License-Identifier: BSD-2-Clause
dnl Kodama for Sendmail 8.14 and later, as a FEATURE: link this file into the folder cf/feature of Sendmail's m4 files; in
dnl sendmail.mc, in front of MAILER, stands one of
dnl	FEATURE(`kodama')			the milter, as in kodama.mc
dnl	FEATURE(`kodama', `unix:/path')		the same, elsewhere
dnl	FEATURE(`kodama', `none', `unix:/path')	no milter, but the table of kodama-map.mc, there
dnl	FEATURE(`kodama', `', `unix:/path')	both
divert(0)dnl
VERSIONID(`Kodama')
ifelse(_ARG_, `none', `', _ARG_, `', `INPUT_MAIL_FILTER(`kodama', `S=unix:/run/kodama/milter.sock, T=C:2s;S:2s;R:4s;E:10s')',
	`INPUT_MAIL_FILTER(`kodama', `S='_ARG_`, T=C:2s;S:2s;R:4s;E:10s')')dnl
ifelse(_ARG2_, `', `', `LOCAL_CONFIG
Ksendmail socket -q -t _ARG2_

LOCAL_RULESETS
SLocal_check_rcpt
R$*	$: $(sendmail $1 $: $)	the refusal, or nothing
R$+	$#error $: $1
')dnl
divert(-1)
