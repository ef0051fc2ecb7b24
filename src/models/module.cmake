siyu_links(siyu_base siyu_sizing siyu_crypto siyu_store siyu_net siyu_policy fmt::fmt)
