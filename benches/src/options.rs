//! What the command line of the driver says.

use crate::run::Effort;

/// The help.
pub const USAGE: &str = "\
usage: neap-bench [pointers|collectors] [OPTION]...
  pointers             counted pointers on a few allocators, in place of all allocators
  collectors           collectors of cycles, likewise
  --quick              two rounds in place of five: two minutes instead of ten (of pointers: one, four)
  --rounds N           processes for each cell
  --only A,B,…         these allocators
  --pointer A,B,…      these pointers
  --collector A,B,…    these collectors
  --workload A,B,…     these workloads
  --table[=FILE]       a table for the terminal (this is what is printed without any of the three)
  --markdown[=FILE]    tables in Markdown
  --json[=FILE]        every single measurement
  --svg FILE           a plot of the ratios to the best peer (of allocators only)
Without a FILE, to stdout.";

/// What is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Allocators.
    Allocators,
    /// Counted pointers.
    Pointers,
    /// Collectors of cycles.
    Collectors,
}

impl Mode {
    /// The word on the command line, and the option that names a subject.
    const WORDS: [(Mode, &str, &str); 2] = [
        (Mode::Pointers, "pointers", "--pointer"),
        (Mode::Collectors, "collectors", "--collector"),
    ];
}

/// How results are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Tables for the terminal.
    Terminal,
    /// Tables in Markdown.
    Markdown,
    /// Everything.
    Json,
}

/// The command line, taken apart. Lists of names are not looked at yet.
#[derive(Debug)]
pub struct Options {
    /// What is compared.
    pub mode: Mode,
    /// How much is measured.
    pub effort: Effort,
    /// Allocators that were named.
    pub only: Option<String>,
    /// Pointers or collectors that were named.
    pub subject: Option<String>,
    /// Workloads that were named.
    pub workload: Option<String>,
    /// A format and the file that it goes to, or stdout.
    pub texts: Vec<(Format, Option<String>)>,
    /// The file of the plot.
    pub svg: Option<String>,
}

impl Options {
    /// Reads the command line; a reason when it cannot be read.
    pub fn from_arguments(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
        let mut options = Options {
            mode: Mode::Allocators,
            effort: Effort::FULL,
            only: None,
            subject: None,
            workload: None,
            texts: Vec::new(),
            svg: None,
        };
        let mut rounds = None;
        let mut arguments = arguments.peekable();
        let mut naming = "";
        for (mode, word, option) in Mode::WORDS {
            if arguments.next_if(|argument| argument == word).is_some() {
                (options.mode, naming) = (mode, option);
            }
        }
        while let Some(argument) = arguments.next() {
            let (option, mut value) = match argument.split_once('=') {
                Some((option, value)) => (option.to_owned(), Some(value.to_owned())),
                None => (argument, None),
            };
            let needs_value =
                ["--rounds", "--only", "--workload", "--svg", naming].contains(&option.as_str());
            if needs_value && value.is_none() {
                value = Some(arguments.next().ok_or_else(|| format!("`{option}` needs a value"))?);
            }
            match (option.as_str(), value) {
                ("--quick", None) => options.effort = Effort::QUICK,
                ("--rounds", Some(value)) => {
                    let number = value.parse::<u32>().ok().filter(|&number| number > 0);
                    rounds = Some(number.ok_or("`--rounds` needs a number above 0")?);
                }
                ("--only", names) => options.only = names,
                (option, names) if option == naming => options.subject = names,
                ("--workload", names) => options.workload = names,
                ("--table", file) => options.texts.push((Format::Terminal, file)),
                ("--markdown", file) => options.texts.push((Format::Markdown, file)),
                ("--json", file) => options.texts.push((Format::Json, file)),
                ("--svg", file) if options.mode == Mode::Allocators => options.svg = file,
                (other, _) => return Err(format!("no option `{other}`")),
            }
        }
        if let Some(rounds) = rounds {
            options.effort.rounds = rounds;
            options.effort.dear_rounds = rounds;
        }
        if options.texts.is_empty() {
            options.texts.push((Format::Terminal, None));
        }
        Ok(options)
    }

    /// Writes each text that was asked for.
    pub fn write(&self, text: impl Fn(Format) -> String) -> Result<(), String> {
        for (format, file) in &self.texts {
            let text = text(*format);
            match file {
                Some(file) => {
                    std::fs::write(file, text).map_err(|error| format!("{file}: {error}"))?;
                }
                None => print!("{text}"),
            }
        }
        Ok(())
    }
}

/// The items whose names stand in a list with commas, in the order of `all`; without a list, all.
pub fn chosen<T: Copy>(
    list: Option<&str>,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<Vec<T>, String> {
    let Some(list) = list else { return Ok(all.to_vec()) };
    let wanted: Vec<&str> = list.split(',').collect();
    if let Some(unknown) =
        wanted.iter().find(|&&wanted| all.iter().all(|&item| name(item) != wanted))
    {
        let names: Vec<&str> = all.iter().map(|&item| name(item)).collect();
        return Err(format!("`{unknown}` is none of {}", names.join(", ")));
    }
    Ok(all.iter().copied().filter(|&item| wanted.contains(&name(item))).collect())
}
