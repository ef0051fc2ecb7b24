siyu_links(siyu_base siyu_sandbox ICU::uc ICU::i18n PkgConfig::libzip PkgConfig::pugixml gumbo PkgConfig::libarchive PkgConfig::gmime-3.0)
