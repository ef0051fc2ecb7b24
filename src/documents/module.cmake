siyu_links(siyu_base ICU::uc ICU::i18n PkgConfig::libzip PkgConfig::pugixml)
