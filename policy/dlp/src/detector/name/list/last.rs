//! Family names that are frequent in the population of the United States.

pub(super) const LAST: &str = "\
    abbott abdi abdullah abe abrams ackerman acosta adair adams adeyemi adkins aguayo aguilar \
    aguirre ahmed akers albert albright aldrich alexander alfaro alford ali allen allison almeida \
    alonso alston altman alvarado alvarez amaya ambrose amos andersen anderson andrade andrews \
    angulo anthony apodaca aponte appel aragon archer archuleta arellano arias armenta armstrong \
    arnold arredondo arriaga arroyo arthur ashby asher ashley ashton atkins atkinson atwood aubrey \
    austin avila aviles ayala babcock baca bachman bacon baer baez bailey baird baker balderas \
    baldwin ball ballard banerjee banks barajas barber barbosa barker barlow barnes barnett \
    barnhart barr barrera barrett barrios barron barrow barry bartlett bartley barton bass bassett \
    bates battle bauer baum baxter beach beal bean beard beasley beatty beaty beauchamp beaver \
    beck becker bedford beebe begum bell bellamy beltran benavides bender benitez benjamin bennett \
    benson bentley benton berg berger bergeron bergman bernal bernard bernstein berry berryman \
    bertrand best betancourt bettencourt bhatt bhattacharya bianchi biggs billings bird bishop \
    black blackburn blackman blackmon blackwell blaine blair blake blalock blanchard blanco bland \
    blankenship blanton blevins bliss bloom blount blum bock boggs bohannon bolden bolton bond \
    bonilla bonner booker boone booth bordelon bosch bose boswell botello bouchard boucher \
    bourgeois bowden bowen bowers bowie bowles bowling bowman boyce boyd boyer boyle bracken \
    brackett braden bradford bradley brady branch brandt brannon branson braun bravo bray breen \
    brennan brewer brewster brice bridge bridges briggs briones briscoe bristol brito britt brock \
    brody brogan brooke brooks broussard brower brown brownell browning brownlee brubaker bruce \
    bruner bruno brunson bryan bryant bryson buchanan bucher buck buckley buckner buford bui \
    bullard bullock bunch burch burden burger burgess burke burkett burkhart burks burleson \
    burnett burnham burns burr burrell burris burrows burt burton busch bush bustamante bustos \
    butler byers bynum byrd byrne caballero cabral cabrera cagle cai cain calderon caldwell \
    calhoun callahan calvert camacho camara camarillo cameron camp campbell campos canales cannon \
    cano cantrell cantu canty cao capps caraballo carbajal card cardenas carey carl carlin \
    carlisle carlos carlson carlton carmichael carmona carnes carney caron carpenter carr carranza \
    carrasco carrier carrillo carrington carroll carson carter carvalho carver casanova casas case \
    casey cash castaneda castellanos castillo castle castro caudill cavanaugh cepeda cerda \
    cervantes chacon chakraborty chambers chan chandler chaney chang chao chapa chapman chappell \
    charles chase chatman chatterjee chau chaudhary chaudhry chavez cheatham chen cheng cherry \
    cheung childers childress chiu choi chopra chou choudhury chow chowdhury christensen chu chung \
    church cisneros clancy clark clarke clary clay clayton cleary clem clemens clements cleveland \
    clifford clifton cline clinton cloud coates coats cobb cochran coe coffey coffman cohen coker \
    colbert colburn colby cole coleman collins colon colvin combs compton conklin conley connelly \
    conner connolly connor connors conrad conti contreras conway cook cooke cooper cope copeland \
    corbett corbin cordero cordova corley cormier cornelius cornell corona corral correa cortes \
    cortez cosby costa costello cotter cotton couch coulter courtney covington cowan cowart cox \
    coyle crabtree craft craig cramer crane craven crawford creel crenshaw crockett cromwell \
    cronin crosby cross crouch crow crowder crowe crowell crowley cruise crum crump cruz cuellar \
    cuevas cullen culver cummings cummins cunningham curry curtis cutler dailey dale dalton daly \
    damico damron dancer danforth dang daniel daniels das daugherty davenport davidson davies \
    davila davis dawes dawson day deal dean deaton decker delacruz delagarza delaney delarosa \
    delatorre deleon delgado delossantos deluca demarco dempsey deng denney dennis denny denton \
    desai devine devito dewitt diamond diaz dick dickerson dickey dickson dietrich diggs dill \
    dillon ding dinh dion dixon do dobbs dobson dodd dodson doherty dolan doll dominguez dominick \
    donahue donaldson dong donnelly donovan dooley doran dorsey doss dotson doty dougherty douglas \
    dove dowd dowling downey downing downs doyle drake draper drew driscoll duarte dubois dubose \
    duckworth dudley duffy dugan duggan duke dumas dunbar duncan dunham dunlap dunn duong dupont \
    dupree dupuis duran durand durham dutta dutton dwyer dyer dykes earl early easley eason \
    eastman easton eaton echols eckert eddy eden edgar edmonds edmondson edwards egan elder \
    eldridge elkins ellington elliot elliott ellis ellison ellsworth elmore emerson emery emmons \
    engel engle english enriquez epstein erickson erwin escobar escobedo espinosa espinoza \
    esposito esquivel estep estes estrada eubanks evans everett ewing fagan fain fair fallon \
    fannin farias farley farmer farr farrar farrell farris faulkner faust favela fay felder \
    feldman feliciano felix felton feng fenton ferguson fernandez ferrari ferreira ferrell ferris \
    field fields fierro figueroa finch findley fink finley finn finney fiore fischer fish fisher \
    fitch fitzgerald fitzpatrick flaherty flanagan flanders fleming fletcher flood florence flores \
    flowers floyd flynn foley folsom fong fontaine fontenot foote forbes ford foreman forman \
    forrest fortin fortune foss foster fountain fournier fouts fowler fox foy fraley francis \
    franco frank franklin fraser frausto frazier frederick freed freedman freeman freitas french \
    frey frias friedman fritts fritz frost fry frye fu fuentes fugate fujita fuller fulton funk \
    furr gable gaddis gage gagne gagnon gaines galindo gallagher gallegos gallo galloway galvan \
    galvin gamble gandhi gant gao garcia gardner garland garner garnett garrett garris garrison \
    garvey gary garza gastelum gaston gates gauthier gay gee geiger gentry george gerard gerber \
    ghosh gibbons gibbs gibson giddens gifford gil gilbert giles gill gillespie gilmore giordano \
    giron glaser glass gleason glenn glover godfrey goff goins goldberg golden goldman goldstein \
    gomes gomez gonzales gonzalez good goode goodman goodrich goodson goodwin gordon gore gorman \
    goss goto gould grace grady graf graham grange granger grant gravel graves gray greathouse \
    greco green greenberg greene greenfield greenwood greer gregg gregory grewal grier griffin \
    griffith griffiths griggs grimes grissom gross grossman grove groves grubbs guenther guerin \
    guerra guerrero guest guevara guillen gulley gunderson gunn gunter guo gupta gustafson guthrie \
    gutierrez guy guyton guzman haas hackett haddad hadley hagan hager haggard hahn haines halbert \
    hale haley hall halsey halverson hamby hamilton hamlin hamm hammer hammond hammonds hampton \
    hamrick han hancock hand handley haney hanks hanley hanna hannah hannon hansen hanson harden \
    hardin harding hardison hardwick hardy hare hargrove harley harlow harman harmon harp harper \
    harrell harrington harris harrison hart hartley hartman harvey hasegawa hashimoto haskins \
    hassan hastings hatch hatcher hatfield hathaway hauser hawk hawkins hawthorne hay hayashi \
    hayden hayes haynes healy heard hearn heath heaton hebert heffner hefner hein held heller helm \
    helms helton hemphill henderson hendricks hendrickson hendrix henley henning henry hensley \
    henson herbert herman hernandez herrera herring herron hess hester hewitt hiatt hickman hicks \
    hidalgo hiebert higgins hightower hildebrand hill hillman hilton hines hinkle hinojosa hinton \
    ho hoang hobbs hobson hodge hodges hodgson hoffman hoffmann hogan hogue holbrook holcomb \
    holcombe holden holder holguin holiday holland holley holliday hollins hollis hollister \
    holloway holman holmes holt hong hood hook hooker hooper hoover hopkins hopper hopson horn \
    horne horton horvat horvath hoskins hostetler houghton house houston howard howe howell \
    howland hoyt hsieh hsu hu huang hubbard huber huddleston hudgins hudson huerta huff huffman \
    huggins hughes hull hummel humphrey humphries hundley hunt hunter huntington hurley hurst \
    hurtado hussain hussein hutchins hutchinson hutchison hutson huynh hwang hyde ibarra ibrahim \
    ignacio ikeda ingle ingraham ingram inman inoue irby irizarry irvin irvine irving irwin isaac \
    isaacs ishikawa islam ito ivanov ivanova iverson ivey iyer jacks jackson jacobs jacobsen \
    jacobson jaime jain james jamison jang janssen jaramillo jarvis jasso jean jeffers jefferson \
    jeffries jenkins jennings jensen jernigan jewell jiang jimenez jiminez joe johns johnson \
    johnston joiner jones jordan joseph joshi joy joyce juarez judd jung justice kaminski kane \
    kang kaplan kapoor karr kasper kato katz kaufman kaur kay kearney keating keck keen keenan \
    keene kehoe keith keller kelley kelly kemp kendall kennedy kent kerr kessler keys khan khanna \
    kidd kiefer kilgore killian kim kimball kimble kimbrough kimura kinard kincaid king kinney \
    kinsey kirby kirk kirkland kiser kitchen klein kline knapp knight knott knowles knox knutson \
    kobayashi koch koenig kohl kong kopp kovac kovacs kowalczyk kowalski kozlowski kraft kramer \
    kraus krause krueger kruger kuhn kumar kuntz kunz kuo kwon labelle lacy lafleur lai laird lake \
    lam lamar lamb lambert lambright lamont lancaster lance land lander landers landis landry lane \
    lang langley lanham lanier lantz lara larkin larsen larson larue lash lassiter latham latimer \
    lau laughlin lavoie law lawler lawrence lawson lawton layton le leach leal leblanc lebron \
    leclair ledbetter ledford lee lees lemay lemon lemons lemus lenz leon leonard leone lester \
    leung levesque levin levine levy lewandowski lewis li liang liao libby light lilly lim lima \
    lin lind linder lindgren lindley lindsay lindsey link linn lister little liu lively livingston \
    lloyd locke lockhart lockwood lodge loftus logan lombardi lombardo lomeli london long looney \
    lopez lord lott love lovell loving lowe lowell lowery lowry loya lozano lucas lucero luckett \
    lugo lujan luna lund lundberg luo luther lutz ly lyle lyles lyman lynch lynn lyon lyons ma \
    maas mabry macarthur macdonald machado macias mack mackay mackenzie macleod madden maddox \
    madison magana mahan maher mahoney mai maier main major malave maldonado malhotra malik \
    mallory malloy malone maloney mancini mangum manley mann manning mansfield manuel marcus mares \
    marin marino mariscal markham marks marlow marquez marquis marrero marroquin marsh marshall \
    martin martinez martino mason massey mast masters masterson mata mathew mathews mathis matos \
    matsumoto matthews mattson maurer maxey maxwell may mayberry mayer mayfield maynard mayo mays \
    mazur mcadams mcafee mcallister mcarthur mcauliffe mcbee mcbride mccabe mccaffrey mccain \
    mccaleb mccall mccallum mccann mccarthy mccartney mccarty mcclain mcclellan mcclendon \
    mcclintock mccloud mcclung mcclure mccollum mcconnell mccord mccormack mccormick mccoy \
    mccracken mccrary mccray mccullough mccurdy mccutcheon mcdaniel mcdermott mcdonald mcdonough \
    mcdowell mcduffie mcelroy mcewen mcfadden mcfarland mcgarry mcgee mcghee mcgill mcginnis \
    mcgowan mcgrath mcgraw mcgregor mcguire mchugh mcintosh mcintyre mckay mckee mckenna mckenzie \
    mckeown mckinley mckinney mckinnon mcknight mclain mclaughlin mclean mclemore mcleod mcmahon \
    mcmanus mcmillan mcmullen mcnair mcnally mcnamara mcneil mcneill mcnulty mcpherson mcqueen \
    mcrae mcvey mead meador meadows medeiros medina medrano meeks mehta meier mejia melendez \
    melton menard mendenhall mendes mendez mendoza menendez menon mercado mercer merrill merritt \
    mesa messer messina metcalf metz metzger meyer meyers meza michael mickelson middleton miles \
    millard miller mills miner minor minter miranda mireles mishra mistry mitchel mitchell mize \
    mock mohamed mohammad mohammed mohr molina molloy monaco monahan moncada monk monroe monson \
    montague montalvo montanez montano montemayor montero montes montgomery montoya moody moon \
    mooney moore mora morales moran moreno morgan mori moriarty morin morrell morris morrison \
    morrissey morrow morse morton moseley mosley moss mott mount moya moyer mueller mukherjee \
    mullen muller mulligan mullins mundy munoz munro munson murdock murillo murphy murray murry \
    muse musgrove musser myers nadeau nagel nagy nair najera nakamura nance napier naranjo nash \
    nassar nath nava navarrete navarro naylor neal nealy neely neff negron neil nelson neuman \
    neumann neville newberry newcomb newell newkirk newman newsome newton ng nguyen nicholas \
    nichols nicholson nickel nickerson nielsen nielson niemi nieves nix nixon noble noe noel nolan \
    noland noonan nord noriega norman norris norton norwood novak nowak nowell noyes nunez nunn \
    nye oakes oakley oates obrien ocampo ocasio ochoa ochs oconnell oconnor odell odom odonnell \
    ogawa ogden oh ohara okada okafor okeefe okonkwo oldham oleary olivares olivarez olivas oliver \
    olivera olivo olmstead olsen olson olvera omalley oneal oneil oneill oquinn ordonez orellana \
    ornelas orourke orozco orr orta ortega ortego ortiz orton osborn osborne osman osuna oswald \
    otero ott ouellette overton owen owens owusu oxford pace pacheco pack packard padgett padilla \
    pagan page paige paine painter paiz palacio palacios palma palmer palomino pan panchal pandey \
    pantoja papadopoulos pappas paradis pardo paredes parent parham parikh paris park parker parks \
    parr parra parrish parsons partridge paschal pate patel paterson patrick patten patterson \
    patton paul pauley paulson pavlov paxton payne paz peace peacock peake pearce pearl pearson \
    peck pedersen peebles peek pelayo pelletier pena pender peng penn pennington pepper perales \
    peralta perdue perea pereira pereyra perez perkins perrin perry person peters petersen \
    peterson petit petrov petrova pettigrew pettit petty pfeifer pfeiffer pham phan phelps \
    phillips phipps piazza picard pickens pickering pickett pierce pierre pierson pike pillai pina \
    pineda pinkston pinto piper pitre pittman pitts platt plummer plunkett poe pointer poirier \
    polanco polk pollard pollock ponce pool poole poore pope popov porras porter portillo posey \
    post poteet potter potts poulin pouliot pound powell powers prasad prater pratt preciado \
    prentice prescott presley pressley preston price pride priest prieto prince pritchard proctor \
    pruitt pryor puckett puente puga pugh pulido pullen purcell purdy purvis putnam pyle qualls \
    quan quarles quezada quiles quinn quinones quintana quintero quiroz rader rafferty ragsdale \
    raines rainey rainwater raley ralston raman ramey ramirez ramos ramsay ramsey randall randle \
    randolph raney rangel rankin rankins ransom rao rapp rasmussen ratliff rausch rawlings rawls \
    ray rayburn raymond raynor razo rea read reagan reardon reaves rector redd redding reddy \
    redman redmond reece reed reeder reedy reese reeves regan reggie register reich reid reilly \
    reinhardt reis remington rendon renfro renner resendez reuter revilla rey reyes reyna reynolds \
    reynoso rhoades rhoads rhodes ricci rice rich richard richards richardson richey richmond \
    richter ricks riddick riddle rider ridley riggs riley rinaldi rincon rinehart ring rios \
    ritchie ritter rivas rivera rivero rizzo roach roark robb robbins roberson robert roberts \
    robertson robichaud robins robinson robison robles robson rocha roche rock rockwell roden \
    rodgers rodman rodrigue rodrigues rodriguez roe rogers rohde rojas roland roldan roller \
    rollins roman romano romeo romero romo rooney roper rosa rosado rosales rosario rosas rose \
    rosen rosenbaum rosenberg rosenthal ross roth roundtree rouse roush rousseau rowan rowe rowell \
    rowland rowley roy royal royster ruan rubalcava rubin rubio rucker rudd rudolph rueda ruelas \
    ruff ruiz rupp rush russell russo rust ruth rutherford rutledge ryals ryan ryder saavedra \
    sadler saenz saez sage sager saini saito sala salas salazar salcedo saldana salerno salgado \
    salinas salmon salter sampson samson samuel samuels sanborn sanchez sandberg sander sanders \
    sandlin sandoval sands sanford santamaria santana santiago santillan santoro santos sapp \
    sargent sasaki sasser sato satterfield sauceda saucedo sauer saunders savage savoy sawyer \
    saxena saxton sayers scales scanlon scarborough schaefer schaeffer schafer schaffer schell \
    scherer schiller schilling schmid schmidt schmitt schmitz schneider schofield schrader \
    schreiber schroder schroeder schubert schuler schulte schultz schulz schumacher schumann \
    schuster schwab schwartz schwarz scoggins scott scruggs seals searcy sears segura seibert \
    seifert seitz sellers sepulveda serna serrano sessions sethi settle severson sewell sexton \
    seymour shafer shaffer shah shank shannon shapiro sharkey sharma sharp sharpe shaw shay shea \
    shearer sheehan sheffield shelby sheldon shelley shelton shen shepard shepherd sheppard \
    sheridan sherman sherrill sherwood shi shields shimizu shin shipley shirley shockley shoemaker \
    shook shore short showalter shrader shultz shumaker shuman sibley siegel siegler sierra sikes \
    silva silver silverman silvers simmons simms simon simons simonson simpkins simpson sims \
    sinclair singer singh singleton sinha sipes sisk sizemore skaggs skelton skinner slade slagle \
    slater slaughter sloan slocum small smalley smallwood smart smiley smith smithson smoot smyth \
    sneed snell snider snow snowden snyder soares sokolov solano solis solomon solorio song \
    sorensen sorenson soriano sosa soto souza spangler spann sparkman sparks spaulding spears \
    spector speer spellman spence spencer spicer spivey spradlin sprague spring springer \
    springfield sprouse srinivasan stacey stack stacy stafford staggs stahl staley stallings \
    stamper stanfield stanley stansbury stanton stapleton stark starks starr staton stauffer \
    stclair steadman stearns steele steen stegall stein steinberg steiner stephens stephenson \
    stepp sterling stern sterner stevens stevenson stewart stiles still stinson stock stockton \
    stoddard stokes stoll stoltzfus stone stoner storey storm story stout stovall stowe stpierre \
    strand strange stratton straub street strickland stringer strong strother stroud struble \
    stuart stubbs stump sturgill sturm suarez subramanian suggs sullivan sullivent summers sumner \
    sumpter sung sutherland sutter suttle sutton suzuki swain swan swann swanson swartz sweat \
    sweeney sweeny sweet swenson swift swinson sykes sylvester szymanski tabor tackett tafoya \
    talbert talbot talley tam tan tanaka tang tankersley tanner tapia tapp tarver tate tatum \
    tavares taylor teague teel teixeira tejada tellez tello temple templeton tennant tenney \
    terrell terry thacker thakur thao thayer theriault thibodeau thibodeaux thiel thomas thomason \
    thompson thomsen thorn thornburg thorne thornton thorpe thrasher thurman thurston tibbs \
    tidwell tierney tijerina tillman timmons tinsley tipton titus tiwari tobin todd tolbert toledo \
    toler tomlin tomlinson tompkins toney tong toro torres torrez toth tovar townes towns townsend \
    tracy trahan trammell tran travis traylor treadwell trejo trent trevino trimble trinh triplett \
    tripp trivedi trotman trotter trout troyer truax trudeau trujillo truong tsai tsang tubbs \
    tucker tully tung turley turnbull turner tuttle tyler tyner tyson ulrich underwood ung unger \
    upton urban urbina urena uribe ussery vaca vail valadez valdes valdez valencia valentin \
    valentine valenzuela valerio valle vallejo valles van vanburen vance vandenberg vanderpool \
    vandyke vang vanhorn vann vanover vansickle varela vargas varma varner vasques vasquez vaughan \
    vaughn vazquez veal vega vela velarde velasco velasquez velazquez velez venable venegas vera \
    verdugo vergara verma vernon vest vick vickers victor vidal vieira viera vigil villa \
    villalobos villalpando villanueva villareal villarreal villasenor villegas vincent vinson \
    virgen vo vogel volkov vollmer voss vu vue vyas wade wadsworth waggoner wagner wagoner wahl \
    wakefield walden waldron waldrop walker wall wallace waller walling wallis walls walsh walter \
    walters walton waltz wampler wan wang ward ware warfield warner warren warrick washburn \
    washington watanabe waterman waters watkins watson watters watts waugh wayne weatherly \
    weathers weatherspoon weaver webb webber weber webster weed weeks weems wei weinberg weiner \
    weinstein weir weis weiss welborn welch weller wells welsh wendt wentworth wentz wenzel werner \
    wesley west westbrook wester westfall weston whalen wharton whatley wheat wheeler whipple \
    whitaker whitcomb white whited whitehead whiteside whitfield whiting whitley whitlock whitman \
    whitmire whitmore whitney whitson whitt whittaker whitten wicker wickham wiese wiggins wilbur \
    wilburn wilcox wilde wilder wildman wiles wiley wilford wilhelm wilke wilkerson wilkes wilkins \
    wilkinson wilks willard willett willey williams williamson willingham willis willoughby wills \
    wilmoth wilson wilt wimberly winchester windham windsor winfrey wing wingate winkler winn \
    winslow winstead winston winter winters wirth wise witcher withers witherspoon withrow witt \
    wofford wojcik wolf wolfe wolff wolfgang wolford womack womble wong woo wood woodall woodard \
    woodbury woodcock woodford woodham woodley woodring woodruff woods woodson woodward wooldridge \
    woolsey wooten worden workman worley worrell worth worthington worthy wozniak wray wren wright \
    wu wyant wyatt wylie wynn xiao xie xiong xu yadav yamada yamaguchi yamamoto yancey yanez yang \
    yarborough yarbrough yates yazzie yeager yeh yi ying yoder yoo yoon york yoshida yost young \
    youngblood younger yu yuan yun zamora zamudio zapata zaragoza zarate zavala zeigler zeller \
    zepeda zhang zhao zheng zhou zhu ziegler zielinski zimmer zimmerman zimmermann zink zook \
    zuniga";
