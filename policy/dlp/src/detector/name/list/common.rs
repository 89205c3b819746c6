//! Names that are words, places, months or makes as well: two of them are no name.

pub(super) const COMMON: &str = "\
    ada amber angel april aurora austin autumn baker banks basil bass battle bell berry best bill \
    bird bishop black bo bond booth branch brandy bridges bristol brooks brown buck bunch burden \
    burns bush butler camp candy cannon card carolina carpenter case cash castle chambers chance \
    charlotte chase cherry chester church clay cleveland cloud coats cook cotton couch craft crane \
    cross cruise crystal daisy dale dallas dan dancer dawn day deal dean destiny devon diamond \
    diana dick ding do dong dove downs drake duke earl early english fair faith farmer fern field \
    fields fish fisher flood florence flowers ford forrest foster fountain fox french frost fu \
    gang gardner gates genesis georgia ginger glass glen golden good goode gore grace grady grange \
    grant graves gray green grove guadalupe guest guy hall hammer han hand hardy hare harley harp \
    haven hawk hay hazel heard heath heather held helm hill ho holly hong hood hook hope house \
    houston hu hunt hunter iris israel ivy jack jackson jade jan jay jefferson ji jing jordan joy \
    julia juliet june justice keen kent kenya king kitchen knight knox koch kong lake lamb \
    lancaster lance land lane lang laurel law le lemon li light lily lima lincoln ling link little \
    lively london long lord love loving luna ma mack madison main major mann mark marks mason \
    masters max may mead melody mercedes miles miller miner ming minor misty mock monk monroe \
    moody moon moore moss mount muse myrtle ng nickel ning nix noble nova olive orlando oxford \
    page paine painter pan parent paris park parker parks pascal pat peace peacock pearl pepper \
    person phoebe phoenix pierce pike ping piper pitts plummer pointer pool pope porter post \
    potter pound powers precious price pride priest prince proctor qing quarles ransom raven read \
    rector redd reed regina register rex rice rich ring roach robin rock rod roller rong rose \
    rouse royal ruby rush rust rusty sage salmon salvador sands sandy santiago savage savannah \
    sawyer scales sellers serenity sessions settle sharp shepherd sherry shi shields shook shore \
    short sierra silver silvers singer skinner skye small smart snow sofia song sparks spears \
    spring springer stack stanford stark starks steele still stock stokes stone storm story stout \
    strand strange street strong sue summer summers sunny swan sweat sweet swift tan tang tanner \
    temple terra terry thorn ting toledo tong towns tracy trinity trout troy tucker turner \
    underwood urban valencia van vance venus victoria violet virginia wade walker wall walls ward \
    ware warner washington waters watts weaver webb webster weed weeks wells west wheat wheeler \
    white wilder will willow windsor wing winter winters wise wolf wood woods worth wren wright wu \
    yi ying yong york young yu zhi";
