package main

import (
	"fmt"
	"math"
)

// finding is what the tables say about one question. The sentences take their figures, and the names in their lists, from the
// study, so that they stay true when a rule changes.
type finding struct {
	title   string
	reading []string
}

func (s *study) findings() []finding {
	return []finding{s.againstPyExPool(), s.againstNothing(), s.againstThePossible(), s.fairness(), s.underPressure(), s.watching()}
}

func (s *study) againstPyExPool() finding {
	share := func(c int, m metric) float64 { return 100 * average(s.large, c, m) }
	return finding{"Against PyExPool", []string{
		fmt.Sprintf("Over the large families, expool takes %.2f times as long as PyExPool, and %.2f times as long as its rules at 0.1 s (geometric means).",
			ratio(s.large, expool, pyexpoolSlow), ratio(s.large, expool, pyexpoolFast)),
		fmt.Sprintf("It throws away %.1f%% of the work, PyExPool %.1f%% and %.1f%%; it is above the limit for %.2f%% of the time, PyExPool for %.2f%% and %.2f%%.",
			share(expool, lost), share(pyexpoolSlow, lost), share(pyexpoolFast, lost),
			share(expool, over), share(pyexpoolSlow, over), share(pyexpoolFast, over)),
		fmt.Sprintf("It loses to PyExPool by more than 2%% of the makespan in %s; to the rules at 0.1 s in %s.",
			slowerThan(s.large, expool, pyexpoolSlow), slowerThan(s.large, expool, pyexpoolFast)),
	}}
}

func (s *study) againstNothing() finding {
	return finding{"What balancing is worth", []string{
		fmt.Sprintf("Without it, the sum is above the limit for %.0f%% of the time and reaches %.1f times the limit: on a machine that has no more, that is swapping, or the kernel's killer.",
			100*average(s.large, none, over), highest(s.large, none, peak)),
		fmt.Sprintf("Who knows the highest peak and takes as few workers as that allows waits %.1f times as long as with expool, since most jobs are small and few are at their peak at once.",
			ratio(s.large, static, expool)),
		fmt.Sprintf("Where the highest peak is not known, one worker is the only safe number; expool's sum reaches %.2f times the limit at most, and is above it for %.2f%% of the time.",
			highest(s.large, expool, peak), 100*average(s.large, expool, over)),
	}}
}

func (s *study) againstThePossible() finding {
	return finding{"Against what is possible", []string{
		fmt.Sprintf("On the small workloads, expool takes %.2f times the optimum on average and %.2f at worst; PyExPool %.2f and %.2f, its rules at 0.1 s %.2f and %.2f.",
			average(s.small, expool, makespan), highest(s.small, expool, makespan), average(s.small, pyexpoolSlow, makespan),
			highest(s.small, pyexpoolSlow, makespan), average(s.small, pyexpoolFast, makespan), highest(s.small, pyexpoolFast, makespan)),
		fmt.Sprintf("On the large ones it takes %.2f times as long as the schedule with foresight, PyExPool %.2f times: that is the price of not knowing the profiles.",
			ratio(s.large, expool, foreseen), ratio(s.large, pyexpoolSlow, foreseen)),
		fmt.Sprintf("Declared sizes tell a part of them: on the sized jobs in any order the makespan is %.2f times the bound with sizes and %.2f without, with %.1f%% and %.1f%% thrown away.",
			s.family("sized").mean(expool, makespan), s.family("categories").mean(expool, makespan),
			100*s.family("sized").mean(expool, lost), 100*s.family("categories").mean(expool, lost)),
	}}
}

func (s *study) fairness() finding {
	return finding{"Fairness", []string{
		fmt.Sprintf("A job is done %.1f times as late as without balancing under expool, %.1f under PyExPool, %.1f with static workers (means).",
			average(s.large, expool, slower), average(s.large, pyexpoolSlow, slower), average(s.large, static, slower)),
		fmt.Sprintf("The worst job of a workload is done %.0f times as late under expool, %.0f under PyExPool, %.0f with its rules at 0.1 s: a short job at the head of the queue that is postponed to its end.",
			average(s.large, expool, slowest), average(s.large, pyexpoolSlow, slowest), average(s.large, pyexpoolFast, slowest)),
		fmt.Sprintf("No job was postponed more than %d times by expool, whose rule allows 1 + log2(workers), here %d, before the job runs alone and stays; PyExPool has no bound and came to %d, and %d at 0.1 s.",
			int(highest(s.large, expool, most)), mostPostponed(8), int(highest(s.large, pyexpoolSlow, most)), int(highest(s.large, pyexpoolFast, most))),
	}}
}

// mostPostponed is how often the scheduler promises to postpone a job at most.
func mostPostponed(workers int) int { return 1 + int(math.Log2(float64(workers))) }

func (s *study) underPressure() finding {
	tight, loose := s.pressure[0], s.pressure[len(s.pressure)-1]
	return finding{"Tight and loose limits", []string{
		fmt.Sprintf("At %s of the average demand expool throws away %.1f%% of the work and PyExPool %.1f%%; at %s, %.1f%% and %.1f%%.",
			tight.what, 100*tight.mean(expool, lost), 100*tight.mean(pyexpoolSlow, lost), loose.what, 100*loose.mean(expool, lost), 100*loose.mean(pyexpoolSlow, lost)),
		fmt.Sprintf("The makespans are %.2f and %.2f times the bound at the tight end, %.2f and %.2f at the loose one, against %.2f without any limit.",
			tight.mean(expool, makespan), tight.mean(pyexpoolSlow, makespan), loose.mean(expool, makespan), loose.mean(pyexpoolSlow, makespan), loose.mean(none, makespan)),
		fmt.Sprintf("Between them, expool takes more than 2%% longer than PyExPool at %s.", slowerThan(byWhat(s.pressure), expool, pyexpoolSlow)),
	}}
}

// byWhat gives groups named by what they are.
func byWhat(groups []group) []group {
	var named []group
	for _, g := range groups {
		g.name = g.what
		named = append(named, g)
	}
	return named
}

func (s *study) watching() finding {
	short, long := s.family("short"), s.family("long")
	return finding{"Polling and watching", []string{
		fmt.Sprintf("PyExPool looks every 2 s, whatever happens: 300 jobs of 0.2 to 2 s are hardly seen, so that the limit is exceeded for %.0f%% of the time, and not kept at 0.1 s either (%.1f%%).",
			100*short.mean(pyexpoolSlow, over), 100*short.mean(pyexpoolFast, over)),
		fmt.Sprintf("expool looks when growth could cross the limit: %.1f times a second there, %.1f times with long jobs, and is above the limit for %.2f%% and %.3f%% of the time.",
			short.mean(expool, looks), long.mean(expool, looks), 100*short.mean(expool, over), 100*long.mean(expool, over)),
		fmt.Sprintf("Its makespan there is %.2f times PyExPool's, and %.2f times that without any balancing: what PyExPool does not see, it does not balance.",
			short.mean(expool, makespan)/short.mean(pyexpoolSlow, makespan), short.mean(expool, makespan)/short.mean(none, makespan)),
	}}
}

// family finds a large family.
func (s *study) family(name string) group {
	for _, g := range s.large {
		if g.name == name {
			return g
		}
	}
	panic("no family is called " + name)
}
