//! Given names that are frequent in the population of the United States.

pub(super) const FIRST: &str = "\
    aaliyah aarav aaron abby abdul abdullah abel abigail abraham ada adalynn adam adan addison \
    adela adelaide adele adeline aditya adrian adriana adrienne agnes agnieszka agustin ahmad \
    ahmed aiden aisha ajay akash akiko akira alaina alan alana alanna alasdair alayna alba albert \
    alberta alberto alec alecia alejandra alejandro aleksandr alessandra alessandro alethea alex \
    alexa alexander alexandra alexandria alexei alexis alfonso alfred alfreda alfredo ali alice \
    alicia alina aline alisa alisha alison allen allie allison allyson alma alonso alonzo alphonso \
    althea alton alva alvaro alvin alyson alyssa amado amalia amanda amara amarjit amaya amber \
    amelia amelie amie amina amir amit amiyah amos amparo amy ana anabel anand ananya anastasia \
    anatoly anders andre andrea andrei andres andrew andrzej andy angel angela angelica angelina \
    angelo angie angus anh anil anita aniyah anjali anke ann anna annabel annabelle annalisa anne \
    annetta annette annie annika annmarie anselmo anthony antoine antoinette antonia antonio \
    antwan anya aoife april arabella araceli arash archie aria ariana arianna arjun arlene armando \
    arnold arthur arturo arun asha ashley ashok ashton astrid athena aubrey audra audrey aurelia \
    aurelie aurelio aurora austin autumn ava avery avis axel ayla azadeh azucena babak balaji \
    balwinder bambi barbara barbra barry basil beatrice beatriz becky belinda bella ben benita \
    benito benjamin bennett bennie bentley bernadette bernadine bernard bernardo bernice bernita \
    bert bertha bertie bessie beth bethany betsy bettie betty beulah beverly bhavna bianca bilal \
    bill billy bin birdie bjorn blair blake blanca blanche bo bob bobby bonita bonnie booker boris \
    bozena brad bradford bradley brady brandi brandie brandon brandy brayan brayden breanna brenda \
    brendan brent bret brett brian briana brianna bridget bridgette brielle brigid brigitte \
    brinley brittany brock bronwyn brooke brooklyn brooks bruce bryan bryant bryce brynn bud buddy \
    buffy burton byron cadence caitlin caleb callie callum calvin cameron camila camille camryn \
    candace candice candy cara caren carey carina carissa carl carla carlene carlos carlotta carly \
    carmela carmen carmine carol carole carolina caroline carolyn carrie carter cary caryn casey \
    cassandra cassidy cassie catalina caterina catharine catherine cathleen cathryn cathy cecelia \
    cecil cecile cecilia cedric celeste celia celina celine cesar chad chance chandra chantal \
    charity charlene charles charlie charlotte charmaine chase chasity chelsea chen cheng cheri \
    cherie cherry cheryl cheryle chester chiara chloe chris christa christal christen christi \
    christian christie christina christine christoph christopher christy chuck ciaran claire clara \
    clarence clarice clarissa clark claude claudette claudia claudine clay clayton clementine cleo \
    cleopatra cleveland clifford clifton clint clinton clyde cody colby cole coleen colette colin \
    colleen collin colton concepcion concetta connie connor conor conrad constance consuelo cooper \
    cora coral cordelia corey corina corinne cormac cornelius corrine cory craig cristal cristian \
    cristina cristobal crystal curtis cynthia cyrus daisuke daisy dale daleyza dalia dallas \
    damaris damian damien damon dan dana danette daniel daniela daniella danielle danny danuta \
    daphne darcy darin dario darius dariush darla darlene darnell darrell darren darrin darryl \
    daryl dave david dawn dean deana deann deanna debbie deborah debra declan dee deepa deepak \
    deidre deirdre deja delbert delia delilah della delores deloris delphine demetria demetrius \
    dena denis denise dennis dequan derek derrick deshawn desiree destiny devin devon devonte \
    dewey diamond diana diane dianna dianne dick diego dieter dina dinah dinesh dionne divya dixie \
    dmitri dmitry dolly dolores domenico domingo dominic dominick dominique don donald donna \
    donnie donovan dora doreen doris dorothea dorothy dottie doug douglas drew duane duc duncan \
    dung dustin dwayne dwight dylan eamon earl earlene earnest earnestine easton eboni ebony ed \
    eddie eden edgar edie edith edmond edmund edna eduardo edward edwin edwina effie efrain eileen \
    ekaterina elaina elaine elba elbert elda eleanor elena eli elia eliana elias elijah elinor \
    elisa elisabeth elise eliseo eliza elizabeth ella ellen elliana ellie elliot elliott ellis \
    elma elmer elna elnora eloisa eloise elsa elsie elton elva elvin elvira elvis emanuel emelia \
    emely emerson emery emilia emiliano emilie emilio emily emma emmanuel emmett emmie emory emrys \
    enid enrique enzo eric erica erik erika erin erma erna ernest ernestine ernesto ernie ernst \
    ervin erwin esme esmeralda esperanza essie esteban estela estella estelle esther ethan ethel \
    etienne etta eugene eugenia eula eun eunice eva evan evangelina evangeline eve evelyn everett \
    everly evie ewa ewan ezekiel ezra fabian fadi faisal faith fang fannie farah farhad fatima fay \
    faye felecia felicia felicity felipe felix feng fergus fern fernando fidel filomena finley \
    finn finnegan fiona flora florence florine floyd forrest frances francesca francine francis \
    francisco francois frank frankie franklin fred freda freddie freddy frederick fredrick freya \
    frieda friedrich fritz gabe gabriel gabriela gabriella gabrielle gage gail galina ganesh gang \
    gareth garrett garry garth gary gaston gavin gayle geeta gemma gene genesis geneva genevieve \
    geoffrey george georgette georgia georgina gerald geraldine gerard gerardo gerhard germaine \
    gerry gertrude gianna gil gilbert gilberto gilda gina ginger giorgio giovanni gisela giselle \
    gita giulia giuseppe gladys glen glenda glenn gloria goldie gopal gordon grace gracie graciela \
    grady graham grant grayson greg gregg gregorio gregory greta gretchen greyson grover guadalupe \
    guang guillaume guillermo guinevere gunnar gunther gurpreet gustav gustavo guy gwen gwendolyn \
    gwyneth hadi hailey haley halina hallie hamish hamza hana hannah hans hao hari harish harlan \
    harley harold harper harpreet harriet harriett harrison harry haruto harvey hassan hattie \
    haven hayley hazel heath heather hector heidi heike heinrich heinz helen helena helene helga \
    helmut henrietta henrik henry herbert heriberto herman hernan hester hideo hilario hilary \
    hilda hillary hiram hiroshi hoa holden holly homer hong hope horace horacio horst hortense \
    howard hua hubert hudson hugh hugo hui humberto hung hunter huong hussein hye hyun iain ian \
    ibrahim ichiro ida ignacio igor ilene imani imelda imran ina indira ines inez ingeborg ingrid \
    ira irene irina iris irma irvin irving irwin isaac isabel isabella isabelle isaiah isiah \
    isidro isla ismael israel itzel iva ivan ivana ivory ivy izabella jace jacek jack jackie \
    jacklyn jackson jaclyn jacob jacqueline jacquelyn jacques jada jade jadwiga jae jagdish jaime \
    jaimie jake jamal james jami jamie jan jana janae jane janell janelle janet janette janice \
    janie janine janis janusz jared jaroslav jarrod jarvis jasmine jason jasper jaspreet javier \
    jaxon jaxson jay jaya jayden jayne jazmin jazmine jean jeana jeanette jeanie jeanine jeanne \
    jeannette jeannie jed jeff jefferey jefferson jeffery jeffrey jenifer jenna jennie jennifer \
    jenny jens jerald jeremiah jeremy jeri jermaine jerod jerome jerri jerry jess jesse jessenia \
    jessica jessie jesus jett jewel jewell ji jian jie jill jim jimmie jimmy jin jing jiro \
    jitendra jo joan joanie joann joanna joanne joaquin jocelyn jodi jodie jody joe joel joey \
    johanna john johnathan johnathon johnnie johnny jolene jon jonah jonas jonathan jonathon joni \
    joon jordan jordyn jorge jose josef josefina joselyn joseph josephine josh joshua josiah josie \
    joy joyce juan juana juanita jude judith judy julia julian juliana julianna julianne julie \
    juliet julio julissa julius june junior juniper jurgen justin justine jyoti kacie kaden kai \
    kailash kaitlin kaitlyn kaleb kali kamala kamila kamran kamryn kara kareem karen kari karim \
    karin karina karl karla karter karthik karyn katarina katarzyna kate katelyn katharine \
    katherine kathi kathie kathleen kathrine kathryn kathy katie katja katrice katrina katy kavita \
    kay kaye kayla kaylee kayleigh kazimierz kazuo keegan keiko keira keisha keith kellan kelley \
    kelli kelly kelsey kelvin ken kendall kendra kendrick kenji kennedy kenneth kenny kent kenya \
    kenzie keri kermit kerri kerrie kerry kevin keyshawn khadija khalid khanh khloe kiara kieran \
    kiley kim kimberly kingston kinsley kira kiran kirk kirsten kirstie klaus knox konstantin kris \
    krishna krista kristen kristi kristie kristin kristina kristine kristopher kristy krystal \
    krzysztof kuldeep kumar kurt kyle kylie kyra kyung lacey lachlan ladonna laila lakeisha \
    lakisha lakshmi lamar lamont lan lana lance landon lane laney larisa larry lars lashonda lata \
    latasha latonya latoya latrice laura laurel lauren laurence laurent lauri laurie laverne \
    lawanda lawrence lawson layla leah leann leanna leanne lee lei leia leigh leila leilani lela \
    leland len lena lenny lenora leo leon leona leonard leonardo leonor leopold leroy les lesley \
    leslie lester letha leticia letitia levi levon lewis liam liana libby lidia lila lilah lilia \
    liliana lillian lilliana lilly lily lin lina lincoln linda lindsay lindsey lindy ling linh \
    lionel lisa lisette liz liza lizzie lloyd logan lois lola lon london londyn long lonnie lora \
    loraine lorelei loren lorena lorenzo loretta lori lorie lorna lorraine lottie lou louie louis \
    louisa louise lourdes lowell luca lucas lucia lucien lucile lucille lucinda lucretia lucy \
    ludmila ludmilla ludwig luella luigi luis luisa luke lula luna lupe lupita luther luz lydia \
    lyla lyle lyman lyn lynda lynette lynn lynne lynwood mabel mable maci macie mack mackenzie \
    macy madalyn madeleine madeline madelyn madge madhuri madison maeve magdalena maggie magnolia \
    magnus mahesh mahmoud mai maira makayla makenzie makoto malcolm malgorzata malia malik malinda \
    mallory mamie mandeep mandy manfred manish manny manoj manpreet manuel manuela mara marc \
    marcel marcella marci marcia marcie marco marcos marcus marcy marek margaret margarita margaux \
    margery margie margo margot margret maria mariah mariam marian mariana marianna marianne \
    maribel maribeth maricela marie mariela marietta marilou marilyn marilynn marin marina mario \
    marion marisa marisela marisol marissa marita maritza marjorie mark marla marlene marlin \
    marlon marna marquis marsha marshall marta martha martin martina marty marva marvin mary \
    maryam maryann maryanne marybeth marylou masao mason mateo mathew mathieu matilda matt matteo \
    matthew mattie maude maura maureen maurice mauricio maury maverick mavis max maxim maxine \
    maxwell may maya mckenna mckenzie mckinley meagan meena megan meghan mehdi mei mel melanie \
    melba melinda melisa melissa mellisa melody melvin mercedes meredith merle merlin merrill \
    mervin mia micaela micah michael michel michele michelle michiko mickey miguel mikayla mike \
    mikhail mikkel mila milagros milan mildred miles millicent millie milo milton mimi mina mindy \
    minerva ming minh minnie miranda mireya miriam miroslav misty mitch mitchell mohamed mohammad \
    mohammed mohan moira moises mollie molly mona monica monika monique monroe monte monty morgan \
    morris moses muhammad mukesh murdoch muriel murray mustafa mya myles myra myrna myron myrtle \
    nadia nadine nam nancy nandini nanette nannie naoko naomi naresh nash nasrin nasser natalia \
    natalie natasha nathalie nathan nathaniel naveen nayeli neal ned neha neil nellie nelson \
    nestor nettie newton nga ngoc nia niall niamh nicholas nichole nick nickolas nicolas nicole \
    niels nikhil nikki nikolai nikole nils nina ning nisha nitin noah noe noel noelle noemi nola \
    nolan nona noor nora norah norbert noreen noriko norma norman norris nova nydia nyla octavia \
    octavio odell odessa odette ofelia oksana ola olaf oleg olga olive oliver olivia olivier ollie \
    omar opal oralia oren orion orla orlando orville oscar otis otto owen pablo padma padraig \
    paige paisley palmer pam pamala pamela pankaj pansy paola paolo paris parisa parker parth \
    pascal pat patrica patrice patricia patrick patti patty paul paula paulette pauline pavel \
    pawel paxton pearl pearlie pedro peggy penelope peng penny percy perry pete peter petra peyton \
    phil philip philippe phillip philomena phoebe phoenix phuc phuong phyllis pierce pierre pietro \
    ping piotr piper piyush polly pooja portia pradeep prakash prashant precious presley preston \
    priscilla priya qiang qing quang quentin quiana quincy quinn quinton rachael rachel rachelle \
    racquel radha raegan raelynn rafael rahul raj rajesh rakesh ralph ramesh rami ramiro ramon \
    ramona randal randall randi randolph randy rani rania raquel rasheed rashid raul raven ravi \
    ray raymond reagan reba rebeca rebecca rebekah reed reese refugio regan reggie regina reginald \
    reid reina rekha remi rena renata renate rene renee reuben reva rex reyna reynaldo reza rhea \
    rhett rhiannon rhoda rhonda rhys ricardo rich richard rick rickey ricki rickie ricky rigoberto \
    rikki riley risa rita rob robbie robert roberta roberto robin robyn rocco rochelle rod \
    roderick rodger rodney rodolfo rodrigo rogelio roger rohit roland rolando rolf roman romona \
    ron ronald ronan ronda rong ronnie roosevelt rory rosa rosalee rosalia rosalie rosalind \
    rosalinda rosalyn rosanna rosanne rosaria rosario roscoe rose roseann roselyn rosemary rosetta \
    rosie rosio roslyn ross rowan rowena roxana roxann roxanne roy royce ruben ruby rudolf rudolph \
    rudy rufus rui rupert russ russell rusty ruth ruthie ryan ryder ryker rylee ryleigh sabine \
    sabrina sadie sakura sallie sally salma salome salvador salvatore sam samantha sami samir \
    samira sammie sammy samuel sandeep sandra sandy sanford sanjay santiago sara sarah sasha \
    satish satoshi saul saundra savanna savannah sawyer saylor scarlett scott scottie seamus sean \
    sebastian seema selena selma serena serenity sergei sergey sergio seth seung shan shana shane \
    shanice shaniqua shanna shannon shante shanti shari sharlene sharon sharron shashi shasta \
    shaun shauna shawn shawna shay shayla shayne sheena sheila shelby sheldon shelia shelley \
    shelly shelton sheri sherman sherri sherry sherwin sheryl shilpa shinji shirin shirley shreya \
    shu shyam sian sid siddharth sidney siegfried sierra sigrid silas silke silvia simon simone \
    sinead siobhan sita skye skylar skyler sloane smita sneha sofia sofie soledad solomon solveig \
    son sondra sonia sonja sonny sonya soo sophia sophie soraya soren spencer srinivas stacey \
    stacie stacy stan stanford stanislav stanley starla stefan stefanie stefano stella stephan \
    stephanie stephen sterling steve steven stevie stewart stuart sue summer sung sunil sunita \
    sunny suresh susan susana susanna susannah susanne susie suzan suzanne suzette sven svetlana \
    swati sybil sydney sylvester sylvia sylvie tabitha tad takashi tamara tamera tami tamika tammy \
    tamra tanisha tanya tao tara tariq taro tarun tasha tatiana tatum tawana tawny taylor teagan \
    ted teddy tenisha tenley tera terence teresa teressa teri terra terrance terrell terrence \
    terri terry tess tessa thaddeus thanh thao thea thelma theo theodore theresa theron thi \
    thierry thomas thurman thuy tia tiana tiffany tim timmy timothy tina ting tisha tobias toby \
    tod todd tom tomas tomasz tommie tommy tomoko toni tonia tony tonya tori tracey traci tracie \
    tracy trang travis trent trenton trevon trevor tricia trina trinity trisha trista tristan troy \
    trudy trung tuan tung twila ty tyler tyree tyrell tyrone tyson ulrich ulysses uma umesh ursula \
    usha uwe val valarie valencia valentina valerie van vance vanessa varun vaughn velda velia \
    velma venkat venus vera vern verna vernice vernon veronica veronika vicente vicki vickie vicky \
    victor victoria vidya vijay vikram viktor vilma vince vincent vincenzo vinh viola violet \
    violeta virgil virginia vivek vivian viviana vivien vivienne vladimir wade walid wallace \
    walter wanda ward warren waverly wayne wei wen wendell wendy werner wes wesley weston wilbert \
    wilbur wilda wilfred wilfredo wilhelmina will willa willard william willie willis willow wilma \
    wilson winfred winifred winnie winona winston wojciech wolfgang woo woodrow wren wyatt xavier \
    xia xiang xiao ximena xin xiomara xue yadira yan yang yaretzi yash yasmin yelena yesenia yi \
    ying yoko yoland yolanda yolonda yong young youssef yu yuan yuki yumiko yun yuri yusuf yves \
    yvette yvonne zachariah zachary zack zahra zainab zander zane zara zayden zbigniew zelda zelma \
    zena zenobia zhen zhi ziad zion zoe zoey zora zoya";
