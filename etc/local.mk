# SPDX-License-Identifier: BSD-2-Clause

formatsdir = $(etckodamadir)/formats.d
dist_formats_DATA = etc/formats.d/exim.formats etc/formats.d/microsoft.formats etc/formats.d/qmail.formats \
	etc/formats.d/sendmail.formats
