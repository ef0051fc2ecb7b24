siyu_links(Boost::json fmt::fmt spdlog::spdlog ICU::uc ICU::i18n yaml-cpp Threads::Threads)
