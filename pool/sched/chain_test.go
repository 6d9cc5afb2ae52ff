package sched

// chainable gives the jobs that a step can chain: live, with a category and a size, and not ending for good.
func (c *Core) chainable() map[JobID]*job {
	jobs := map[JobID]*job{}
	for j := range c.byID.all {
		if j.spec.chains() && (j.cause == NoReason || j.again) {
			jobs[j.id] = j
		}
	}
	return jobs
}

// checkChains holds the jobs that a step chained against those that rule 6 names, found by looking at all of them.
func (w *world) checkChains(before map[JobID]*job, actions []Action) {
	chained := map[JobID]Reason{}
	ended := map[JobID]bool{} // for another reason
	var byTime, byMemory []*job
	for _, a := range actions {
		p, ok := a.(Publish)
		if !ok || p.Change.What != EndBegun && p.Change.What != OnFinish || before[p.Change.Job] == nil {
			continue
		}
		switch ch, j := p.Change, before[p.Change.Job]; {
		case ch.Reason == ChainedTimeout || ch.Reason == ChainedMemory:
			chained[ch.Job] = ch.Reason
		case ch.What == EndBegun && ch.Reason == TimedOut && !j.again:
			byTime, ended[ch.Job] = append(byTime, j), true
		case ch.What == EndBegun && ch.Reason == MemLimit && !j.again:
			byMemory, ended[ch.Job] = append(byMemory, j), true
		default:
			ended[ch.Job] = true
		}
	}
	for id, j := range before {
		time, memory := heavier(j, byTime, slower), heavier(j, byMemory, larger)
		switch why := chained[id]; {
		case why == ChainedTimeout && !time, why == ChainedMemory && !memory:
			w.t.Fatalf("job %d was ended as %s by no lighter job: %+v", id, why, j.spec)
		case why == NoReason && !ended[id] && (time || memory):
			w.t.Fatalf("job %d was not chained: %+v", id, j.spec)
		}
	}
}

// heavier says that rule 6 takes the job with one of those that broke their limit.
func heavier(j *job, origins []*job, asHeavy func(j, origin *job) bool) bool {
	for _, o := range origins {
		if o != j && o.spec.Category == j.spec.Category && asHeavy(j, o) {
			return true
		}
	}
	return false
}

func slower(j, origin *job) bool {
	return j.spec.Size*j.spec.Slowdown >= origin.spec.Size*origin.spec.Slowdown
}

func larger(j, origin *job) bool {
	return j.spec.Size >= origin.spec.Size || j.sent && j.mem >= origin.mem
}
