package wire

// OutputKind says where a stream of a job goes.
type OutputKind uint8

// The places where a stream may go. OutputDefault is an absent field: that of
// the job's task, else as OutputInherit.
const (
	OutputDefault OutputKind = iota // the field is absent
	OutputInherit                   // "inherit": the host's own stream
	OutputDiscard                   // null: nowhere
	OutputPipe                      // "pipe": captured, for the record
	OutputMerge                     // "stdout", for stderr only: where stdout goes
	OutputFile                      // {"file": path}: appended to the file
)

// Output is where a stream of a job goes.
type Output struct {
	Kind OutputKind
	File string // the path for OutputFile, relative to the server's folder
}

var outputFields = fieldsOf(
	field[Output]{"file", func(d *decoder, o *Output) { o.Kind, o.File = OutputFile, d.filled() }},
)

// output reads the field stdout or stderr; only stderr may be merged.
func (d *decoder) output(mayMerge bool) Output {
	switch d.Kind() {
	case Null:
		d.Null()
		return Output{Kind: OutputDiscard}
	case String:
		return Output{Kind: d.outputWord(mayMerge)}
	case Object:
		var o Output
		object(d, outputFields, &o)
		if d.ok() && o.File == "" {
			d.rejectField("file", "is missing: give the path to append to")
		}
		return o
	case None:
		return Output{}
	}
	d.reject(`must be "inherit", "pipe", null or {"file": path}, not %s`, d.Kind())
	return Output{}
}

func (d *decoder) outputWord(mayMerge bool) OutputKind {
	switch word := string(d.Text()); {
	case word == "inherit":
		return OutputInherit
	case word == "pipe":
		return OutputPipe
	case word == "stdout" && mayMerge:
		return OutputMerge
	case word == "stdout":
		d.reject(`can't be "stdout", which is for stderr only: use "inherit", "pipe", null or {"file": path}`)
	case d.err == nil:
		d.reject(`must be "inherit", "pipe", null or {"file": path}, not %q`, clip(word))
	}
	return OutputDefault
}
