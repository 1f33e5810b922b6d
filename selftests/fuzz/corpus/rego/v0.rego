package t["q"].r

x[a] = i { a := input.ancestors[i]; [_, n] = [1, a] } 
y { x[_] == 1; glob.match("*.a{b,c}", ["."], "q.ab") } { sprintf("%s", ["a"]) == "a" }
