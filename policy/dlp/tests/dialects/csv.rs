//! Tables.

use super::{is_chunk_invariant, masked, tells, whole};

pub(super) const PATIENTS: &str = concat!(
    "mrn,patient_dob,ssn,sex,a1c,email,note,admit_date\n",
    "4481723,1956-04-23,219-45-6183,F,7.2,jane.roe@stlukes-clinic.org,\"stable, \"\"well\"\"\nseen again\",2026-04-02\n",
    "4481724,\"1961-12-09\",321-54-6987,M,6.1,,,\n",
    "4481725,01/30/1970,,M,5.9,ann.doe@stlukes-clinic.org,\"\",04/05/2026\r\n",
    "4481726.0,N/A,XXX-XX-XXXX,F,,unknown,plain,\n",
);

#[test]
fn every_column_that_announces_something_is_told() {
    tells(
        PATIENTS,
        &[
            ("column mrn", "mrn", "4481723"),
            ("column patient_dob", "date", "1956-04-23"),
            ("column ssn", "ssn", "219-45-6183"),
            ("column email", "email", "jane.roe@stlukes-clinic.org"),
            ("column admit_date", "date", "2026-04-02"),
            ("column mrn", "mrn", "4481724"),
            ("column patient_dob", "date", "1961-12-09"),
            ("column ssn", "ssn", "321-54-6987"),
            ("column mrn", "mrn", "4481725"),
            ("column patient_dob", "date", "01/30/1970"),
            ("column email", "email", "ann.doe@stlukes-clinic.org"),
            ("column admit_date", "date", "04/05/2026"),
            ("column mrn", "mrn", "4481726"),
        ],
    );
}

#[test]
fn a_name_or_a_place_counts_beside_a_person() {
    let rows = "ROE,Jane,12 Elm St,Springfield,62704,2026-03-15\n";
    tells(
        &format!("last_name,FirstName,address1,City,zip code,service_date\n{rows}"),
        &[
            ("column last_name", "name", "ROE"),
            ("column FirstName", "name", "Jane"),
            ("column address1", "geographic", "12 Elm St"),
            ("column City", "geographic", "Springfield"),
            ("column zip code", "geographic", "62704"),
            ("column service_date", "date", "2026-03-15"),
        ],
    );
    let wanted = [("column name", "name", "Jane Roe"), ("column mrn", "mrn", "4481723")];
    tells("name,mrn\nJane Roe,4481723\n", &wanted);
    tells("name,city,zip\nRiver Clinic,Peoria,61602\n", &[]);
}

#[test]
fn any_separator_parts_the_columns() {
    for separator in ["\t", ";", "|", ", "] {
        let text =
            ["id", "mrn", "x"].join(separator) + "\n" + &["7", "4481723", "0.25"].join(separator);
        tells(&text, &[("column mrn", "mrn", "4481723")]);
    }
    let table = "| id | MRN | x |\n|----|-----|---|\n| 7 | 4481723 | 0.5 |\n";
    tells(table, &[("column MRN", "mrn", "4481723")]);
    for start in ["\u{feff}", "# made by hand\n\n", "sep=,\r\n"] {
        tells(
            &format!("{start}\"Id\",\"Pat. MRN\"\r\n1,4481723\r\n"),
            &[("column Pat. MRN", "mrn", "4481723")],
        );
    }
}

#[test]
fn what_is_no_table_is_left_to_the_detectors() {
    for text in [
        "a,b,c\n1,2,3\n",
        "epoch,loss,accuracy\n1,0.52,0.81\n",
        "name,accuracy\nresnet,0.91\nvit large,0.93\n",
        "city,population\nParis,2102650\n",
        "url,label\nhttp://a.org/x.png,cat\n",
        "The mrn, as we said, is on file.\nIt was 4481723, I think, or so, or not.\n",
        "let mrn = read(x), ssn = y;\n4481723,219456183\n",
        "mrn,ssn,dob\njust a line of prose\nand 4481723 more\n",
        "mrn,dob\n4481723,1956-04-23,F,7.2\n",
        "4481723,1956-04-23\n4481724,1961-12-09\n",
        "2026-04-02 10:15:00,123 INFO mrn,x\n2026-04-02 10:15:00,124 INFO 4481723,y\n",
        "mrn,dob",
        "mrn,dob\n",
        ",\n,\n",
    ] {
        tells(text, &[]);
    }
}

#[test]
fn values_that_are_none_are_not_told() {
    tells(
        "mrn,medicare,dob\n,1204.50,\nNULL,12.5,NaT\n0000000,-0.5,1956\n\"\",\"\",\"\"\nXXXXXXX,,****\n",
        &[],
    );
}

#[test]
fn lines_behind_the_table_are_none_of_it() {
    let text = format!("mrn,x\n4481723,1\n{}4481724,2\n", "the patient 55 said so\n".repeat(40));
    tells(&text, &[("column mrn", "mrn", "4481723")]);
}

#[test]
fn a_quote_that_never_ends_hides_a_few_rows_only() {
    let rows = "a,4481724\n".repeat(20_000);
    let found = whole(format!("x,mrn\n\"open,4481723\n{rows}").as_bytes()).tally.total();
    assert!(found > 12_000, "{found} rows");
    let free = "long text ".repeat(3_000);
    tells(&format!("note,mrn\n\"{free}\",4481723\n"), &[("column mrn", "mrn", "4481723")]);
}

#[test]
fn wide_tables_are_read_by_the_same_names() {
    let names: Vec<String> = (0..900).map(|i| format!("feature_{i}")).collect();
    let row: Vec<String> = (0..900).map(|i| format!("0.{i:06}")).collect();
    let text = format!(
        "{n},mrn,{n}\n{r},4481723,{r}\n{r},4481724,{r}\n",
        n = names.join(","),
        r = row.join(",")
    );
    let found = whole(text.as_bytes());
    let told: Vec<_> = found.findings.iter().filter_map(|f| f.locus.as_deref()).collect();
    assert_eq!(told, ["column mrn"; 2]);
    assert_eq!(found.tally.total(), 2, "and the numbers are no findings");
    is_chunk_invariant(&format!(
        "{},mrn\n{},4481723\n",
        names[..80].join(","),
        row[..80].join(",")
    ));
}

#[test]
fn no_number_of_a_header_gets_into_a_place() {
    tells("mrn 4481723,dob\n4481724,1956-04-23\n", &[("column dob", "date", "1956-04-23")]);
}

#[test]
fn any_split_tells_the_same() {
    is_chunk_invariant(PATIENTS);
    is_chunk_invariant(&PATIENTS.replace(',', "\t"));
}

#[test]
fn what_stands_beside_a_told_cell_is_found_whatever_its_length() {
    for words in [1, 7, 8, 9, 12] {
        let address = "12 Oak Street call (212) 736-5000 ".repeat(words);
        let table = format!(
            "mrn,patient_name,address,note\n4481723,Jane Roe,14 Elm Street,well\n4481724,John Roe,\"{address}\",\
             SSN 219-45-6183 at 14 Elm Street\n4481725,Ann Roe,{address},SSN 321-54-6987\n"
        );
        let found: Vec<_> = whole(table.as_bytes()).findings;
        let of = |name: &str| found.iter().filter(|f| f.identifier.name() == name).count();
        assert_eq!(
            (of("mrn"), of("name"), of("ssn"), of("phone")),
            (3, 3, 2, 0),
            "{words} {found:?}"
        );
        is_chunk_invariant(&table);
    }
}

#[test]
fn a_masked_table_is_a_table() {
    let masked = masked(PATIENTS);
    let shape = |text: &str| text.matches([',', '"', '\n', '\r']).count();
    assert_eq!(shape(&masked), shape(PATIENTS));
    assert!(masked.contains("*******,\"****-**-**\",***-**-****,M,6.1,,,\n"), "{masked}");
}
